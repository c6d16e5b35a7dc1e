"""One-line mistakes in the package, each with the notebook that must turn red: python tools/mutants.py [--quick] [WORD ...]

Copies the checkout into a temporary folder, swaps a line, runs the notebook's cells against the mistaken module
(pytest --exported) until the first failure, and prints what survived. --quick takes every fourth mutant of the fast
notebooks; words pick the mutants whose module or line contains one. Exits 1 if one survived, or if a line of the list
is gone from the package.
"""
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from queue import Empty, Queue
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parent.parent
SLOW = 'fid', 'training', 'likelihood', 'solvers', 'metrics' # their notebooks take more than ten seconds
MUTANTS = { # module: (notebook, [(line, mistake)])
'schedule': ('01_schedule', [
    ('alpha_bar = (1 - beta).cumprod(0)\n        _check_prior', 'alpha_bar = (1 - beta).cumsum(0)\n        _check_prior'),
    ('torch.cat([torch.ones(1, dtype=beta.dtype), alpha_bar[:-1]])', 'torch.cat([alpha_bar[:1], alpha_bar[:-1]])'),
    ('snr = alpha_bar/(1 - alpha_bar)', 'snr = alpha_bar'),
    ('beta_tilde=beta*(1 - alpha_bar_prev)/(1 - alpha_bar)', 'beta_tilde=beta*(1 - alpha_bar)/(1 - alpha_bar_prev + 1e-9)'),
    ('sqrt_one_minus_alpha_bar=(1 - alpha_bar).sqrt()', 'sqrt_one_minus_alpha_bar=1 - alpha_bar.sqrt()'),
    ('log_snr=snr.log())', 'log_snr=snr.log10())'),
    ('(alpha_bar_T*(x_0_sq - 1) - torch.log1p(-alpha_bar_T))/(2*math.log(2))', '(alpha_bar_T*x_0_sq - torch.log1p(-alpha_bar_T))/(2*math.log(2))'),
    ('torch.log1p(-alpha_bar_T))/(2*math.log(2))', 'torch.log1p(-alpha_bar_T))/2'),
    ('if bits <= max_bits: return', 'return'),
    ('~((beta > 0) & (beta < 1))', '~((beta > 0) | (beta < 1))'),
    ('values.index_select(0, t.to(like.device))', 'values[t.to(like.device)]'),
    ('dtype=torch.float64)*1000/T', 'dtype=torch.float64)'),
    ('beta_start: float=1e-4', 'beta_start: float=1e-3'),
    ('beta_end: float=.02', 'beta_end: float=.03'),
    ('torch.cos((u + s)/(1 + s)*math.pi/2)**2', 'torch.cos((u + s)/(1 + s)*math.pi/2)'),
    ('s: float=.008', 's: float=.08'),
    ('beta_max: float=.999, # Largest variance of a step\n) -> Schedule: # alpha_bar falls as a squared', 'beta_max: float=.99, # Largest variance of a step\n) -> Schedule: # alpha_bar falls as a squared'),
    ('lambda u: (s(1.) - s(u))/(s(1.) - s(0.))', 'lambda u: 1 - u'),
    ('(start + u*(end - start))/tau', '(start + u*(end - start))*tau'),
    ('torch.linspace(0, 1, T + 1, dtype=torch.float64)', 'torch.linspace(0, 1, T + 1).double()**1.01'),
    ('self.timesteps.cpu()[kept], self.max_prior_bits', 'kept, self.max_prior_bits'),
    ('kept = torch.tensor(self.even_steps(steps)).flip(0)', 'kept = torch.arange(0, self.T, self.T//steps)[:steps]'),
    ('beta = 1 - alpha_bar/torch.cat', 'beta = alpha_bar/torch.cat'),
]),
'forward': ('02_forward', [
    ('alpha_t.sqrt()*x_prev + beta_t.sqrt()*z', 'alpha_t.sqrt()*x_prev + beta_t*z'),
    ('alpha_t.sqrt()*x_prev + beta_t.sqrt()*z', 'alpha_t*x_prev + beta_t.sqrt()*z'),
    ('torch.randn(x.shape, generator', 'torch.rand(x.shape, generator'),
    ('return signal_t*x_0 + noise_t*eps, eps', 'return signal_t*x_0 + noise_t*eps, torch.randn_like(eps)'),
    ('return signal_t*x_0 + noise_t*eps, eps', 'return signal_t*x_0 + noise_t**2*eps, eps'),
    ('return signal_t*x_0 + noise_t*eps, eps', 'return signal_t**2*x_0 + noise_t*eps, eps'),
    ('return signal_t*x_0 + noise_t*eps, eps', 'return signal_t[:1]*x_0 + noise_t[:1]*eps, eps'),
    ('if eps is None: eps = _randn_like(x_0, generator)', 'if eps is None: eps = (torch.rand(x_0.shape, generator=generator) - .5)*12**.5'),
    ('on_x_0 = alpha_bar_prev.sqrt()*beta/noise**2', 'on_x_0 = alpha_bar_prev*beta/noise**2'),
    ('on_x_0 = alpha_bar_prev.sqrt()*beta/noise**2', 'on_x_0 = alpha_bar_prev.sqrt()*beta/noise'),
    ('on_x_t = alpha.sqrt()*beta_tilde/beta', 'on_x_t = alpha*beta_tilde/beta'),
    ('on_x_t = alpha.sqrt()*beta_tilde/beta', 'on_x_t = alpha.sqrt()*(1 - alpha_bar_prev)/noise**2'),
    ('return on_x_0*x_0 + on_x_t*x_t, beta_tilde', 'return on_x_0*x_0 + on_x_t*x_t, beta'),
    ("if target == 'v': return signal_t*eps - noise_t*x_0", "if target == 'v': return noise_t*eps - signal_t*x_0"),
    ("if target == 'v': return signal_t*eps - noise_t*x_0", "if target == 'v': return signal_t*eps + noise_t*x_0"),
    ('return -eps/noise_t', 'return eps/noise_t'),
    ('return x_0_hat, noise_t*x_t + signal_t*pred', 'return x_0_hat, noise_t*x_t - signal_t*pred'),
    ('return x_0_hat, -noise_t*pred', 'return x_0_hat, -pred/noise_t'),
    ("if target == 'v': return signal_t*x_t - noise_t*pred", "if target == 'v': return signal_t*x_t + noise_t*pred"),
    ('return (x_t - noise_t*eps_hat)/signal_t', 'return x_t - noise_t*eps_hat'),
    ('told = self.schedule.timesteps.to(t.device).index_select(0, t)', 'told = t'),
    ('if isinstance(self.network, nn.Module): self.network.eval()', 'pass'),
    ('self.schedule = self.schedule.to(device)', 'pass'),
]),
'exact': ('03_exact', [
    ('self.mu[k] + self.var[k].sqrt()*z', 'self.mu[k] + self.var[k]*z'),
    ('self.weight.multinomial(n', 'torch.ones_like(self.weight).multinomial(n'),
    ('mean = signal*mixture.mu[:, None]', 'mean = signal**2*mixture.mu[:, None]'),
    ('var = signal**2*mixture.var[:, None] + noise**2', 'var = signal*mixture.var[:, None] + noise**2'),
    ('var = signal**2*mixture.var[:, None] + noise**2', 'var = signal**2*mixture.var[:, None] + 1 - signal**2'),
    ('+ var.log() + math.log(2*math.pi)', '+ var.log()'),
    ('mixture.weight.log()[:, None] + log_n', 'log_n'),
    ('r = log_terms.softmax(0)', 'r = log_terms.exp()'),
    ('signal_t*mixture.var[:, None]/var*(x_t - mean)', 'mixture.var[:, None]/var*(x_t - mean)'),
    ('torch.searchsorted(schedule.timesteps, told)', 'told.clamp(max=schedule.T - 1)'),
    ('above = cdf(mixture', 'above = 1 - cdf(mixture'),
    ('for _ in range(70)', 'for _ in range(12)'),
    ('return 1 - torch.trapezoid(explained', 'return torch.trapezoid(explained'),
    ('(error.std()/n**.5).item()', '(error.std()/n).item()'),
]),
'blocks': ('04_blocks', [
    ('omega = max_period**(-torch.arange(0, dims, 2', 'omega = max_period**(-torch.arange(0, dims//2, 1'),
    ('torch.cat([angle.sin(), angle.cos()], dim=-1)', 'torch.cat([angle.cos(), angle.sin()], dim=-1)'),
    ('max_period: float=10_000.', 'max_period: float=1_000.'),
    ('h = h*(1 + scale) + shift', 'h = h + shift'),
    ('h = h*(1 + scale) + shift', 'h = h*scale + shift'),
    ('h = h*(1 + scale) + shift', 'h = h*(1 + scale)'),
    ('self.conv2(self.dropout(F.gelu(h)))', 'self.conv2(F.gelu(h))'),
    ('self.conv2(self.dropout(F.gelu(h)))', 'self.conv2(self.dropout(h))'),
    ('self.norm1 = nn.GroupNorm(groups, mid_ch)', 'self.norm1 = nn.GroupNorm(1, mid_ch)'),
    ('self.norm2 = nn.GroupNorm(groups, out_ch)', 'self.norm2 = nn.GroupNorm(1, out_ch)'),
    ('nn.init.zeros_(self.norm2.weight)', 'pass'),
    ('else F.gelu(self.skip(x) + h)', 'else self.skip(x) + F.gelu(h)'),
    ('self.conv2(self.conv1(F.max_pool2d(x, 2), emb), emb)', 'self.conv2(self.conv1(F.avg_pool2d(x, 2), emb), emb*0)'),
    ('h = torch.cat([skip, x], dim=1)', 'h = torch.cat([x, skip], dim=1)'),
    ('align_corners=self.align_corners)', 'align_corners=True)'),
    ('first, mid = (out_ch, None) if residual', 'first, mid = (in_ch, None) if residual'),
    ('return x + self.proj(emb)[:, :, None, None]', 'return x + self.proj(emb*0)[:, :, None, None]'),
]),
'attention': ('05_attention', [
    ('scores = q @ k.mT / q.shape[-1]**.5', 'scores = q @ k.mT'),
    ('scores = q @ k.mT / q.shape[-1]**.5', 'scores = q @ k.mT / q.shape[-1]'),
    ('weights = scores.softmax(dim=-1)', 'weights = scores.softmax(dim=-2)'),
    ('.permute(2, 0, 3, 1, 4)', '.permute(2, 0, 3, 1, 4).flip(0)'),
    ('answers.transpose(1, 2).flatten(2)', 'answers.reshape(x.shape)'),
    ('p = self.dropout if self.training else 0.', 'p = 0.'),
    ('p = self.dropout if self.training else 0.', 'p = self.dropout'),
    ('pixels = pixels + self.attention(self.norm(pixels))', 'pixels = self.attention(self.norm(pixels))'),
    ('pixels = pixels + self.attention(self.norm(pixels))', 'pixels = pixels + self.attention(pixels)'),
    ('pixels = pixels + self.feed_forward(pixels)', 'pixels = self.feed_forward(pixels)'),
    ('nn.LayerNorm(ch), nn.Linear(ch, multiplier*ch), nn.GELU()', 'nn.Identity(), nn.Linear(ch, multiplier*ch), nn.GELU()'),
    ('pixels = x.flatten(2).mT', 'pixels = x.reshape(B, H*W, C)'),
]),
'unet': ('06_unet', [
    ('conv = dict(groups=groups, dropout=dropout)', 'conv = dict(groups=groups)'),
    ('conv = dict(groups=groups, dropout=dropout)', 'conv = dict(dropout=dropout)'),
    ('SelfAttention(ch, num_heads, dropout=attention_dropout)', 'SelfAttention(ch, num_heads)'),
    ('SelfAttention(ch, num_heads, dropout=attention_dropout)', 'SelfAttention(ch, dropout=attention_dropout)'),
    ('self.time = TimeEmbedding(time_dims, mlp=time_mlp)', 'self.time = TimeEmbedding(time_dims)'),
    ('align_corners=align_corners, **step))', '**step))'),
    ('out = channels[max(level - 1, 0)]', 'out = channels[level]'),
    ('bridges.append(x)\n', 'bridges.insert(0, x)\n'),
    ('for conv in self.bottleneck: x = conv(x, emb)', 'for conv in self.bottleneck: x = conv(x, emb*0)'),
    ('[..., :H, :W]', '[..., -H:, -W:]'),
    ("if level in attention else nn.Identity())", "if level - 1 in attention else nn.Identity())"),
]),
'loss': ('08_loss', [
    ('t = torch.randint(0, schedule.T, shape[:1]', 't = torch.randint(1, schedule.T, shape[:1]'),
    ('t = torch.randint(0, schedule.T, shape[:1]', 't = torch.randint(0, schedule.T - 1, shape[:1]'),
    ('return t, torch.randn(shape, generator=generator, device=device)', 'return t, (torch.rand(shape, generator=generator, device=device) - .5)*12**.5'),
    ('answer = make_target(schedule, x_0, eps, t, target)', 'answer = make_target(schedule, x_0, torch.randn_like(eps), t, target)'),
    ('.square().flatten(1).mean(1)', '.abs().flatten(1).mean(1)'),
    ('.square().flatten(1).mean(1)', '.square().flatten(1).sum(1)'),
    ('(denoiser(x_t, t).to(answer.dtype) - answer)', '(denoiser(x_t, t) - answer.to(torch.bfloat16))'),
    ('.5*signal_t**2*X.square().sum(1))/noise_t**2', '.5*signal_t*X.square().sum(1))/noise_t**2'),
    ('.5*signal_t**2*X.square().sum(1))/noise_t**2', '.5*signal_t**2*X.square().sum(1))/noise_t'),
    ("return x_0, to_x_0_eps(schedule, x_t, t, x_0, 'x_0')[1]", 'return x_0, eps'),
    ('snr.clamp(max=gamma)*per_x_0', 'snr.clamp(min=gamma)*per_x_0'),
    ("'v': 1/(snr + 1)", "'v': 1/snr"),
    ("'score': 1/(snr*(snr + 1))", "'score': 1/snr"),
    ('gamma: float=5.', 'gamma: float=1.'),
]),
'training': ('09_training', [
    ('d = min(decay, (1 + n)/(10 + n))', 'd = decay'),
    ('torch._foreach_lerp_(ema_weights, weights, 1 - d)', 'torch._foreach_lerp_(ema_weights, weights, d)'),
    ('if step < warmup: return (step + 1)/(warmup + 1)', 'if step < warmup: return 1.'),
    ('.5*(1 + math.cos(math.pi*(step - warmup)/max(1, steps - warmup)))', '1 - (step - warmup)/max(1, steps - warmup)'),
    ('(seed*1_000_003 + epoch) % 2**63', 'seed'),
    ('if flip: x_0 = mirror_half(x_0, generator)', 'pass'),
    ('nn.utils.clip_grad_norm_(network.parameters(), clip_norm)', 'nn.utils.clip_grad_norm_(network.parameters(), 1e9)'),
    ('rate.step()\n', 'pass\n'),
    ('ema.update_parameters(network)', 'pass'),
    ('(loss if weight is None else weight.to(t.device)[t]*loss)', 'loss'),
    ('[mine] < .5', '[mine] < .1'),
    ('x_0.flip(-1), x_0)', 'x_0.flip(-2), x_0)'),
    ('if len(images) <= most:', 'if False:'),
]),
'sampling': ('10_sampling', [
    ('mu = (s.signal*beta*x_0_hat + alpha**.5*s.noise**2*x_t)/t.noise**2', 'mu = (s.signal*beta*x_0_hat + alpha*s.noise**2*x_t)/t.noise**2'),
    ("sigma = (beta if variance == 'beta'", "sigma = (beta_tilde if variance == 'nothing'"),
    ('return mu + sigma*z', 'return mu + sigma + z'),
    ('return mu + sigma*z', 'return mu + sigma**2*z'),
    ('if s.noise == 0: return mu', 'if False: return mu'),
    ('alpha = (t.signal/s.signal)**2\n', 'alpha = t.signal/s.signal\n'),
    ('sigma = eta*s.noise/t.noise*(1 - (t.signal/s.signal)**2)**.5', 'sigma = eta*s.noise*(1 - (t.signal/s.signal)**2)**.5'),
    ('x_s = s.signal*x_0_hat + max(s.noise**2 - sigma**2, 0)**.5*eps_hat', 'x_s = s.signal*x_0_hat + s.noise*eps_hat'),
    ('eps_hat = (x_t - t.signal*x_0_hat)/t.noise', 'eps_hat = x_t - t.signal*x_0_hat'),
    ('return levels + [Level(-1, 1., 0.)]', 'return levels'),
    ("if clip == 'static': return x_0_hat.clamp(-1, 1)", "if clip == 'static': return x_0_hat.clamp(0, 1)"),
    ('return x_0_hat.clamp(-largest, largest)/largest', 'return x_0_hat.clamp(-largest, largest)'),
    ("sampler: str|Callable='dpm_2m'", "sampler: str|Callable='ddim'"),
    ('min(15, schedule.T) if steps is None', 'min(50, schedule.T) if steps is None'),
    ('guess_x_0(x, pred, denoiser.target, level.signal, level.noise)', "guess_x_0(x, pred, 'v', level.signal, level.noise)"),
    ('return clip_x_0(guess, clip)', 'return guess'),
    ('if was_training: network.eval()', 'pass'),
    ('PerSampleNoise(int(mine[0]), generator)', 'pass'),
]),
'fid': ('11_fid', [
    ('distance = apart.square().sum() + traces - 2*trace_of_root', 'distance = apart.abs().sum()**2 + traces - 2*trace_of_root'),
    ('distance = apart.square().sum() + traces - 2*trace_of_root', 'distance = apart.square().sum() + traces - trace_of_root'),
    ('.clamp(min=0).sqrt().sum()', '.clamp(min=0).sum()'),
    ('(x - x.mean(0))/(n - 1)**.5', '(x - x.mean(0))/n**.5'),
    ('(x - x.mean(0))/(n - 1)**.5', 'x/(n - 1)**.5'),
    ('weight = (axes/(variances + least*variances.mean()).sqrt()).T', 'weight = axes.T'),
    ('self.white.bias.copy_(-weight @ f.mean(0))', 'self.white.bias.zero_()'),
    ('(.9*(left - left.mean()).square().sum()).sqrt()', '(.1*(left - left.mean()).square().sum()).sqrt()'),
    ('return max(0., of_all - (subsets(K//2) - of_all)*(1 - K/n))', 'return of_all'),
    ('if n < K: return subsets(n)', 'if n < K: return feature_distance(real, reference)'),
]),
'solvers': ('12_solvers', [
    ('x_s = _walk(x, (d + _slope(x_s, denoise(x_s, s), s))/2, t, s)', 'x_s = _walk(x, _slope(x_s, denoise(x_s, s), s), t, s)'),
    ('D = x_0_hat + (x_0_hat - x_0_u)/(2*r)', 'D = x_0_hat + (x_0_hat - x_0_u)/2'),
    ('D = x_0_hat + (x_0_hat - x_0_u)/(2*r)', 'D = x_0_hat + (x_0_hat - x_0_u)/r'),
    ('D = x_0_hat + (x_0_hat - x_0_u)/(2*r)', 'D = x_0_hat - (x_0_hat - x_0_u)/(2*r)'),
    ('I_1 = h + math.expm1(-h)', 'I_1 = h**2/2'),
    ('I_2 = h**2 - 2*I_1', 'I_2 = h**2 - I_1'),
    ('a = a + (lam[0] - lam[1])*b', 'pass'),
    ('x_s = ddim_step(x, (x_0_hat + denoise(x_s, s))/2, t, s)', 'pass'),
    ('return ratio*x_t + (1 - ratio**2)**.5*z', 'return ratio*x_t + (1 - ratio)*z'),
    ('sigma_max: float=80.', 'sigma_max: float=20.'),
    ("spacing: str='log_snr'", "spacing: str='uniform'"),
]),
'metrics': ('13_metrics', [
    ('/x.shape[1] + 1)**3\n\n', '/x.shape[1] + 1)**2\n\n'),
    ('return xx/(n*(n - 1)) + yy/(m*(m - 1)) - 2*xy/(n*m)', 'return xx/n**2 + yy/m**2 - 2*xy/(n*m)'),
    ('variance = sum((len(w) - 1)*w.var(correction=0)', 'variance = sum(w.var(correction=0)'),
    ('xy.sum() - xy)', 'xy.sum())'),
    ('inside = distance <= radius_y', 'inside = distance <= radius_y/2'),
    ('recalled |= (distance <= radius_x[part, None]).any(0)', 'recalled |= inside.any(0)'),
    ('density=balls.mean().item()/k', 'density=balls.mean().item()'),
    ('kthvalue(k + 1)', 'kthvalue(k)'),
]),
'likelihood': ('14_likelihood', [
    ('(var_q + (mu_q - mu_p)**2)/var_p - 1)', '(var_q + (mu_q - mu_p)**2)/var_q - 1)'),
    ('.5*((var_p/var_q).log()', '.5*((var_q/var_p).log()'),
    ('half = mu.double(), var.double().sqrt(), 1/(levels - 1)', 'half = mu.double(), var.double().sqrt(), 1/levels'),
    ('upper = torch.where(x_0 > 1 - half, math.inf', 'upper = torch.where(x_0 > 2, math.inf'),
    ('.flatten(1).mean(1)/math.log(2)', '.flatten(1).sum(1)/math.log(2)'),
    ('root = terms.double().square().mean(1).sqrt()', 'root = terms.double().square().mean(1)'),
    ('generator=generator, **kwargs)/p[s]', 'generator=generator, **kwargs)/p.mean()'),
    ("variance: str='beta'", "variance: str='beta_tilde'"),
    ('each = bits.reshape(len(x_0), draws).mean(1) + end', 'each = bits.reshape(len(x_0), draws).mean(1)'),
]),
}


def copied(folder):
    "The checkout without what is built, in a folder of its own."
    skip = shutil.ignore_patterns('.git', '_docs', '_proc', '*.egg-info', '__pycache__', '.ipynb_checkpoints', 'runs')
    return Path(shutil.copytree(ROOT, Path(folder)/'checkout', ignore=skip, symlinks=True))


def survives(checkout, module, notebook, line, mistake):
    "Whether the notebook stays green with the mistake; the module is put back."
    path = checkout/f'ddpm_nbdev/{module}.py'
    right = path.read_text(encoding='utf-8')
    if right.count(line) != 1: return f'the line is there {right.count(line)} times'
    path.write_text(right.replace(line, mistake), encoding='utf-8')
    try:
        run = subprocess.run([sys.executable, '-m', 'pytest', f'nbs/{notebook}.ipynb', '--exported', '-x', '-q', '-p', 'no:cacheprovider'],
                             cwd=checkout, capture_output=True, timeout=600)
    except subprocess.TimeoutExpired: return '' # it hangs: that is red, too
    finally: path.write_text(right, encoding='utf-8')
    return 'SURVIVED' if run.returncode == 0 else ''


def worker(jobs, found):
    with TemporaryDirectory() as folder:
        checkout = copied(folder)
        while True:
            try: job = jobs.get_nowait()
            except Empty: return
            found[job] = survives(checkout, *job)
            print(f'{job[0]:12}{found[job] or "red":10} {job[2].strip().splitlines()[0][:60]}  ->  {job[3].strip().splitlines()[0][:60]}', flush=True)


if __name__ == '__main__':
    words = [w for w in sys.argv[1:] if w != '--quick']
    all_jobs = [(module, notebook, line, mistake) for module, (notebook, mutants) in MUTANTS.items() for line, mistake in mutants]
    if '--quick' in sys.argv: all_jobs = [job for job in all_jobs if job[0] not in SLOW][::4]
    if words: all_jobs = [job for job in all_jobs if any(w in job[0] or w in job[2] for w in words)]
    jobs, found = Queue(), {}
    for job in all_jobs: jobs.put(job)
    threads = [threading.Thread(target=worker, args=(jobs, found)) for _ in range(2)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    left = [job for job in all_jobs if found[job]]
    print(f'{len(all_jobs)} mutants, {len(left)} survived or could not be made')
    sys.exit(bool(left))
