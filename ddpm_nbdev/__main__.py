"python -m ddpm_nbdev sample: the commands, where their programs are not on the path."
from ddpm_nbdev.engine.cli import main

if __name__ == '__main__': main()
