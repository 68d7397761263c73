"""What a trained module makes of rows and codes, block by block."""

import copy
from collections.abc import Callable
from functools import cached_property
from numbers import Integral
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import qmc
from sklearn.utils import check_scalar

from skvae.nn.elbo import elbo, kl_per_unit, log_importance_weights
from skvae.nn.latent import diagonal_normal, reparameterise
from skvae.nn.layers import Custom
from skvae.nn.rows import SparseRows, to_rows
from skvae.nn.settings import own_settings

# Values of a dense block of rows: 16 MB in double precision.
BLOCK_SIZE = 2**21
# Means of rows, times this, differ by more than the unit cube is long.
SHIFT = 4
# Keeps points off the faces of the cube, where normal draws are infinite.
LEAST = 2**-40


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
    return 2**0.5 * (2 * points.clamp(LEAST, 1 - LEAST) - 1).erfinv()


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

    def converted(tensor):
        if tensor is None:
            return None
        tensor = tensor.detach()
        double = tensor.is_floating_point() and module not in single
        return tensor.double() if double else tensor

    # As torch registers them, by name.
    for kind in "_parameters", "_buffers":
        tensors = getattr(module, kind).items()
        setattr(part, kind, {name: converted(tensor) for name, tensor in tensors})
    part._modules = {
        name: None if child is None else in_double(child, single)
        for name, child in module._modules.items()
    }
    return part


def elbo_of_draws(x, z, posterior, likelihood, prior):
    """The ELBO of each row at each draw; its KL term needs no draws."""
    return elbo(x, posterior, likelihood, prior).bound


class Bound(NamedTuple):
    """How a bound is made of draws z of the posterior."""

    n_draws: int  # unless said otherwise
    noise: Callable  # of the posterior means and the number of draws
    term: Callable  # of rows, draws, posterior, likelihood and prior


BOUNDS = {
    "elbo": Bound(32, own_noise, elbo_of_draws),
    "importance": Bound(128, shared_noise, log_importance_weights),
}


class Sample:
    """Some rows as a trained module sees them; arrays, each made when it is asked for.

    Parameters
    ----------
    inference : Inference
    data : Data
    seed : int
        Of one draw of each row's code, for the reconstruction.
    """

    def __init__(self, inference, data, seed):
        self.inference, self.data, self.seed = inference, data, seed
        self.module = inference.module

    @cached_property
    def posterior(self):
        """q(z | x) of all rows, of tensors."""
        blocks = self.inference.blocks(self.data, self.inference.width)
        parts = [self.module.encoder(x, c=c, e=e) for _, x, c, e in blocks]
        return diagonal_normal(
            torch.cat([q.mean for q in parts]), torch.cat([q.stddev for q in parts])
        )

    @property
    def mean(self):
        return self.posterior.mean.cpu().numpy()

    @property
    def std(self):
        return self.posterior.stddev.cpu().numpy()

    @cached_property
    def codes(self):
        """Those of the mean."""
        return self.module.link(self.posterior.mean).cpu().numpy()

    @cached_property
    def kl(self):
        """KL term of each row and unit."""
        return kl_per_unit(self.posterior, self.module.prior()).cpu().numpy()

    @cached_property
    def reconstruction(self):
        """log p(x | z) of each row."""
        module, inference = self.module, self.inference
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
            if sparse:
                x = SparseRows.from_csr(block.X, torch.float64, self.device, False)
            else:
                x = to_rows(block.X, torch.float64, self.device, gaps=data.gaps)
            yield start, x, *block.beside(torch.float64, self.device)

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
            posterior = self.module.encoder(x, c=c, e=e)
            return torch.cat([posterior.mean, posterior.stddev], dim=1)

        return tuple(np.hsplit(self._map(encode, data, self.width), 2))

    @own_settings()
    def posterior_draws(self, data, n_draws):
        """Codes drawn from q(z | x) of rows; (n_draws, n_samples, n_components)."""

        def draw(x, c, e):
            posterior = self.module.encoder(x, c=c, e=e)
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
            posterior, prior = module.encoder(x, c=c, e=e), module.prior()
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
    def codes_of_prior(self, noise):
        """Codes that standard normal noise stands for; (n_samples, n_components)."""
        prior = self.module.prior()
        noise = torch.from_numpy(noise).to(self.device)
        return self.module.link(prior.mean + prior.stddev * noise).cpu().numpy()

    @own_settings()
    def bounds(self, data, bound="elbo", n_draws=None):
        """A bound of the log-likelihood of each row, in nats; (n_samples,)."""
        if bound not in list(BOUNDS):  # of any type
            raise ValueError(f"bound={bound!r}, but it is 'elbo' or 'importance'.")
        if n_draws is None:
            n_draws = BOUNDS[bound].n_draws
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
        """Values of a bound's term at draws of the posterior of rows, in blocks.

        Yields tensors of shape (n_draws, rows of the block).
        """
        n_draws = int(check_scalar(n_draws, "n_draws", Integral, min_val=1))
        module, (_, noise_of, term) = self.module, BOUNDS[bound]
        if not module.encoder.variational:
            if bound == "importance":
                raise ValueError(
                    f"{self.name} was fitted with variational=False: its codes are "
                    "points and have no importance weights. Use bound='elbo'."
                )
            n_draws = 1  # they are all the same
        width = self.scored_width(data.X)
        # All draws of a row at once, unless they are more than a block: how they are
        # split, and so rounded, does not depend on the rows beside.
        size = max(1, BLOCK_SIZE // width)
        # Of noise that all rows share, none has a part of its own.
        own = module.encoder.n_components if noise_of is own_noise else 1
        for _, x, c, e in self.blocks(
            data, max(width * min(n_draws, size), n_draws * own)
        ):
            posterior, prior = module.encoder(x, c=c, e=e), module.prior()
            values = []
            for noise in noise_of(posterior.mean, n_draws).split(size):
                z = posterior.mean + posterior.stddev * noise
                likelihood = module.decoder(module.link(z), c=c)
                values.append(term(x, z, posterior, likelihood, prior).cpu())
            yield torch.cat(values)
