"""Inference: what a trained module returns for rows and codes, in blocks of rows.

The settings that torch runs under, for training too, come first.
"""

import contextlib
import copy
import os
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import qmc
from sklearn.utils import check_scalar
from torch.overrides import TorchFunctionMode

from skvae.nn.autoencoder import diagonal_normal, reparameterise
from skvae.nn.layers import Custom
from skvae.nn.objective import elbo, kl_per_unit, log_importance_weights
from skvae.training.data import Data

# Values of a dense block of rows: 16 MB in double precision.
BLOCK_SIZE = 2**21
# Means of rows, times this, differ by more than the unit cube is long.
SHIFT = 4
# Keeps points off the faces of the cube, where normal draws are infinite.
MARGIN = 2**-40

# --- settings of torch ----------------------------------------------------------------

# What makes floats of the default type, and what does if it is given floats.
OF_FLOATS = {torch.empty, torch.eye, torch.ones, torch.rand, torch.randn, torch.zeros}
OF_ANY = {torch.arange, torch.as_tensor, torch.full, torch.linspace, torch.tensor}
AUTOCAST = "cpu", "cuda", "mps", "xpu"

_process = os.getpid()


class SinglePrecision(TorchFunctionMode):
    """New tensors of floats are in single precision, in the present thread.

    ``torch.set_default_dtype`` would say so to all threads of the program.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if kwargs.get("dtype") is None:
            if func in OF_FLOATS:  # random ones are drawn but once
                kwargs["dtype"] = torch.float32
            elif func in OF_ANY and func(*args, **kwargs).is_floating_point():
                kwargs["dtype"] = torch.float32
        return func(*args, **kwargs)


@contextlib.contextmanager
def own_settings():
    """Tensors on the CPU and in single precision unless said otherwise, with gradients.

    The caller may be within ``torch.inference_mode()`` or ``torch.autocast``, or have
    set a default device or type. All of this holds for the present thread alone, and
    then all is as before.
    """
    global _process
    if os.getpid() != _process:
        # Forked, as by joblib's backend "multiprocessing": the other threads of torch
        # stay behind, and this process would wait for them forever.
        torch.set_num_threads(1)
        _process = os.getpid()
    errors, gradients = np.geterr(), torch.is_grad_enabled()
    try:
        with contextlib.ExitStack() as settings:
            settings.enter_context(torch.inference_mode(False))
            settings.enter_context(torch.enable_grad())
            # The others only where they are needed, for they cost time.
            # torch.get_default_device() of 2.6 ignores ``with torch.device(...)``.
            if torch.empty(0).device.type != "cpu":
                settings.enter_context(torch.device("cpu"))
            if torch.get_default_dtype() != torch.float32:
                settings.enter_context(SinglePrecision())
            for kind in AUTOCAST:
                if torch.is_autocast_enabled(kind):
                    settings.enter_context(torch.autocast(kind, enabled=False))
            yield
    finally:
        # numpy.errstate and torch.no_grad, which others use meanwhile, restore what was
        # before unless Ctrl-C meets them at it.
        np.seterr(**errors)
        torch.set_grad_enabled(gradients)


# --- draws ---------------------------------------------------------------------------


def cube_points(n_draws, n_components):
    """Quasi-random points of the unit cube, always the same."""
    if n_components > qmc.Sobol.MAXDIM:  # for which nobody knows Sobol points
        points = qmc.LatinHypercube(n_components, rng=0).random(n_draws)
        return torch.from_numpy(points)
    sobol = qmc.Sobol(n_components, scramble=True, rng=0)
    # scipy warns of other numbers than powers of 2.
    return torch.from_numpy(sobol.random(1 << (n_draws - 1).bit_length())[:n_draws])


def normal(points):
    """Standard normal draws that points of the unit cube stand for."""
    return 2**0.5 * (2 * points.clamp(MARGIN, 1 - MARGIN) - 1).erfinv()


def own_noise(mean, n_draws):
    """Standard normal draws for rows of posterior means; (n_draws, *mean.shape).

    Each row shifts the same points by its own mean, as if at random [1]_. Its draws do
    not depend on the other rows, and errors of expectations average out over rows,
    where those of points that all of them share would add up. If there are enough, the
    draws of a row have a mean of 0 and a covariance of I, so that the expectation of a
    quadratic function is exact.

    References
    ----------
    .. [1] Cranley, R. and Patterson, T. N. L. (1976). Randomization of number theoretic
       methods for multiple integration. SIAM Journal on Numerical Analysis 13, 904-914.
    """
    n_components = mean.shape[-1]
    points = cube_points(n_draws, n_components)[:, None].to(mean)
    # No large mean may swallow the points.
    points = (points + (SHIFT * mean).remainder(1)).remainder(1)
    # Folded, so that none leaps to the other face of the cube if a mean changes a bit.
    points = 1 - (2 * points - 1).abs()
    noise = normal(points)
    if n_draws >= 3 * n_components:  # fewer would lose their tails
        rows = (noise - noise.mean(0)).permute(1, 2, 0)
        # Where it fails, NaN is what it failed on, and comes out again.
        root, _ = torch.linalg.cholesky_ex(rows @ rows.mT / n_draws)
        noise = torch.linalg.solve_triangular(root, rows, upper=False).permute(2, 0, 1)
    return noise


def shared_noise(mean, n_draws):
    """Standard normal draws for rows of posterior means, the same for all of them.

    They are for importance weights, which rest on tails: these are covered evenly.
    """
    return normal(cube_points(n_draws, mean.shape[-1])[:, None].to(mean))


def in_double(module, single):
    """The same module in double precision, without gradients, for evaluation.

    Parts in `single` share their tensors with it, and so do others that need no change:
    nothing may be written into either.
    """
    if isinstance(module, Custom):  # which may hold its tensors in any way
        return copy.deepcopy(module).eval().requires_grad_(False).double()
    part = copy.copy(module)
    part.training = False
    # As torch registers them, by name.
    for kind in "_parameters", "_buffers":
        tensors = dict(getattr(module, kind))
        for name, tensor in tensors.items():
            if tensor is not None:
                double = tensor.is_floating_point() and module not in single
                tensor = tensor.detach()
                tensors[name] = tensor.double() if double else tensor
        setattr(part, kind, tensors)
    part._modules = {
        name: None if child is None else in_double(child, single)
        for name, child in module._modules.items()
    }
    return part


def joined(normals):
    """Diagonal normal distributions of blocks of rows as one."""
    means, deviations = zip(*((normal.mean, normal.stddev) for normal in normals))
    return diagonal_normal(torch.cat(means), torch.cat(deviations))


@dataclass(eq=False)
class Sample:
    """Some rows as a trained module sees them; arrays, each computed on demand.

    Attributes
    ----------
    inference : Inference
    data : Data
    seed : int
        Of one draw of each row's code, for the reconstruction.
    """

    inference: Any
    data: Any
    seed: int

    @cached_property
    def _normals(self):
        """q(z | x) of all rows, and p(z | c), each of tensors."""
        module, inference = self.inference.module, self.inference
        pairs = [
            (module.posterior(x, c=c, e=e), module.prior_given(c))
            for _, x, c, e in inference.blocks(self.data, inference.width)
        ]
        posteriors, priors = zip(*pairs)
        prior = priors[0] if module.effects is None else joined(priors)
        return joined(posteriors), prior

    @property
    def posterior(self):
        """q(z | x) of all rows."""
        return self._normals[0]

    @cached_property
    def codes(self):
        """Those of the mean."""
        return self.inference.module.link(self.posterior.mean).cpu().numpy()

    @cached_property
    def kl(self):
        """KL term of each row and unit."""
        return kl_per_unit(*self._normals).cpu().numpy()

    @cached_property
    def reconstruction(self):
        """log p(x | z) of each row."""
        inference, module = self.inference, self.inference.module
        generator = torch.Generator(inference.device)
        generator.manual_seed(self.seed)
        z = reparameterise(self.posterior, generator)
        parts = [
            module.decoder(module.link(z[start : start + len(x)]), c=c).log_prob(x)
            for start, x, c, _ in inference.blocks(
                self.data, inference.scored_width(self.data.X)
            )
        ]
        return torch.cat(parts).cpu().numpy()


class Inference:
    """A copy of a trained module for inference, in double precision.

    In single precision a row's result depends on the rows beside it, at 1e-7. Sums over
    the non-zeros of sparse rows do not, and stay in it: they take most of the time, and
    four times as long in double precision.

    Parameters
    ----------
    module : VariationalAutoencoder
    name : str
        Of the model, for messages.

    Attributes
    ----------
    module : VariationalAutoencoder
    width : int
        Numbers that a row takes in the widest layer, features aside.
    """

    @own_settings()
    def __init__(self, module, name):
        if next(module.parameters()).device.type == "mps":  # has no doubles
            module = copy.deepcopy(module).cpu()
        encoder, decoder = module.encoder, module.decoder
        single = encoder.first_layers if encoder.takes_sparse_rows else ()
        self.module, self.name = in_double(module, single), name
        self.width = max(encoder.width, decoder.width)
        self.device = next(module.parameters()).device

    def scored_width(self, X):
        """Numbers that a row of X takes where it is decoded and scored."""
        decoder = self.module.decoder
        if decoder.scores_non_zeros:
            return self.width + -(-X.nnz // X.shape[0])
        return max(self.width, decoder.n_features)

    def blocks(self, data, width):
        """Blocks of rows x, covariates c, embeddings e as tensors, behind their starts.

        Of so many rows that they fill a block if each takes `width` numbers.
        """
        X = data.X
        sparse = self.module.encoder.takes_sparse_rows and not isinstance(X, np.ndarray)
        beside = data.covariates.shape[1], data.embeddings.shape[1]
        width = max(width, *beside, 0 if sparse else X.shape[1])
        size = max(1, min(2048, BLOCK_SIZE // width))
        for start in range(0, X.shape[0], size):
            block = data.take(slice(start, start + size))
            options = {"sparse": sparse, "inference": True}
            yield start, *block.tensors(torch.float64, self.device, **options)

    def _finite(self, values):
        """Results for rows of X as an array, unless they are NaN or infinite."""
        if not values.isfinite().all():
            raise ValueError(
                f"{self.name} gets NaN or infinity from X: it holds such values, or "
                "some that are too large or too small. Scale X to values around 1."
            )
        return values.cpu().numpy()

    def _map(self, function, data, width):
        """What a function makes of rows and what is beside, in the precision of X."""
        single = data.X.dtype == np.float32
        out = None
        for start, x, c, e in self.blocks(data, width):
            values = function(x, c, e)
            values = self._finite(values.float() if single else values)
            if out is None:
                out = np.empty((data.X.shape[0], values.shape[1]), values.dtype)
            out[start : start + len(values)] = values
        return out

    @own_settings()
    def codes(self, data):
        """Codes of rows; (n_samples, n_components)."""
        return self._map(self.module.codes, data, self.width)

    @own_settings()
    def posterior(self, data):
        """Mean and standard deviation of q(z | x); both (n_samples, n_components)."""

        def encode(x, c, e):
            posterior = self.module.posterior(x, c=c, e=e)
            return torch.cat([posterior.mean, posterior.stddev], dim=1)

        return tuple(np.hsplit(self._map(encode, data, self.width), 2))

    @own_settings()
    def posterior_draws(self, data, n_draws):
        """Codes drawn from q(z | x) of rows; (n_draws, n_samples, n_components)."""

        def draw(x, c, e):
            posterior = self.module.posterior(x, c=c, e=e)
            noise = own_noise(posterior.mean, n_draws)
            codes = self.module.link(posterior.mean + posterior.stddev * noise)
            return codes.transpose(0, 1).flatten(1)

        width = max(self.width, n_draws * self.module.encoder.n_components)
        draws = self._map(draw, data, width)
        return draws.reshape(len(draws), n_draws, -1).swapaxes(0, 1)

    @own_settings()
    def means(self, codes):
        """Means of p(x | z) at codes and covariates; (n_samples, n_features)."""
        decoder = self.module.decoder
        width = max(self.width, decoder.n_features)
        return self._map(lambda z, c, _: decoder(z, c=c).mean, codes, width)

    @own_settings()
    def expected_rows(self, data, n_draws=128, rng=None):
        """Means of p(x | what is observed of it), by importance weights of codes.

        With `rng` the means at one code of each row instead, drawn by these weights.
        """
        check_scalar(n_draws, "n_draws", Integral, min_val=1)
        module = self.module
        if not module.encoder.variational:
            n_draws = 1  # they are all the same
        parts = []
        for _, x, c, e in self.blocks(data, n_draws * self.scored_width(data.X)):
            posterior, prior = module.posterior(x, c=c, e=e), module.prior_given(c)
            if rng is None:
                noise = shared_noise(posterior.mean, n_draws)
            else:
                shape = n_draws, *posterior.mean.shape
                noise = torch.from_numpy(rng.standard_normal(shape))
            z = posterior.mean + posterior.stddev * noise.to(posterior.mean)
            likelihood = module.decoder(module.link(z), c=c)
            weights = torch.ones(1, len(x), dtype=z.dtype, device=z.device)
            if n_draws > 1:
                weights = log_importance_weights(x, z, posterior, likelihood, prior)
                weights = weights.softmax(0)
            if rng is not None:  # all of the weight to one draw
                below = torch.from_numpy(rng.random_sample(len(x))).to(z.device)
                chosen = (weights.cumsum(0) < below).sum(0).clamp(max=n_draws - 1)
                weights = F.one_hot(chosen, n_draws).T.to(z.dtype)
            parts.append((weights[..., None] * likelihood.mean).sum(0))
        return self._finite(torch.cat(parts))

    @own_settings()
    def codes_of_prior(self, noise, covariates=None):
        """Codes that standard normal noise stands for; (n_samples, n_components)."""
        c = Data(noise, covariates).tensors(torch.float64, self.device, sparse=False)[1]
        prior = self.module.prior_given(c)
        noise = torch.from_numpy(noise).to(self.device)
        return self.module.link(prior.mean + prior.stddev * noise).cpu().numpy()

    @own_settings()
    def bounds(self, data, bound="elbo", n_draws=None):
        """A bound of the log-likelihood of each row, in nats; (n_samples,)."""
        if bound not in ("elbo", "importance"):
            raise ValueError(f"bound={bound!r}. Pass 'elbo' or 'importance'.")
        if n_draws is None:
            n_draws = 32 if bound == "elbo" else 128
        draws = self._over_draws(data, bound, n_draws)
        if bound == "elbo":
            parts = [terms.mean(0) for terms in draws]
        else:
            parts = [terms.logsumexp(0) - np.log(n_draws) for terms in draws]
        return self._finite(torch.cat(parts))

    @own_settings()
    def effective_sample_sizes(self, data, n_draws):
        """(sum of weights)^2 / sum of squared weights of each row; (n_samples,)."""
        draws = self._over_draws(data, "importance", n_draws)
        parts = [(2 * w.logsumexp(0) - (2 * w).logsumexp(0)).exp() for w in draws]
        return self._finite(torch.cat(parts))

    def _over_draws(self, data, bound, n_draws):
        """Yield a bound's terms at draws of the posterior, (n_draws, block of rows)."""
        n_draws = int(check_scalar(n_draws, "n_draws", Integral, min_val=1))
        module, is_elbo = self.module, bound == "elbo"
        if not module.encoder.variational:
            if not is_elbo:
                raise ValueError(
                    f"{self.name} was fitted with variational=False: its codes are "
                    "points and have no importance weights. Use bound='elbo'."
                )
            n_draws = 1  # they are all the same
        width = self.scored_width(data.X)
        # All draws of a row at once, unless they are more than a block: how they are
        # split, and so rounded, does not depend on the other rows.
        size = max(1, BLOCK_SIZE // width)
        noise_width = n_draws * (module.encoder.n_components if is_elbo else 1)
        widest = max(width * min(n_draws, size), noise_width)
        for _, x, c, e in self.blocks(data, widest):
            posterior, prior = module.posterior(x, c=c, e=e), module.prior_given(c)
            noise = (own_noise if is_elbo else shared_noise)(posterior.mean, n_draws)
            values = []
            for part in noise.split(size):
                z = posterior.mean + posterior.stddev * part
                likelihood = module.decoder(module.link(z), c=c)
                if is_elbo:  # whose KL term needs no draws
                    terms = elbo(x, posterior, likelihood, prior).bound
                else:
                    terms = log_importance_weights(x, z, posterior, likelihood, prior)
                values.append(terms.cpu())
            yield torch.cat(values)
