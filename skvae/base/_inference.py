"""Inference: what a fitted net makes of rows and codes, block by block."""

import copy
from numbers import Integral

import numpy as np
import torch
from scipy.stats import qmc
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array, check_random_state, check_scalar
from sklearn.utils.validation import check_is_fitted

from skvae._covariates import check_covariates
from skvae.nn.elbo import elbo, log_importance_weights
from skvae.nn.latent import diagonal_normal
from skvae.nn.rows import SparseRows, to_dense_tensor
from skvae.nn.settings import one_thread_after_fork
from skvae.training.data import Data

# Values of a dense block of rows in inference: 16 MB in double precision.
BLOCK_SIZE = 2**21


def sobol_normal(n_draws, n_components):
    """Quasi-random standard normal draws, always the same; (n_draws, 1, n_components).

    All rows share them, so that a score does not depend on a row's place, and far fewer
    are enough than of independent draws.
    """
    sobol = qmc.Sobol(n_components, scramble=True, rng=0)
    normal = qmc.MultivariateNormalQMC(np.zeros(n_components), engine=sobol)
    # scipy warns of other numbers than powers of 2.
    draws = normal.random(1 << (n_draws - 1).bit_length())[:n_draws]
    return torch.from_numpy(draws)[:, None]


def standardised(draws):
    """Draws with a mean of 0 and a covariance of I, exactly, if there are enough.

    The mean of a quadratic function over them is exact. That of log p(x | z) comes
    closer to what it tends to in many dimensions, and no further off in few. Importance
    weights, which rest on the tails, gain nothing from it.
    """
    n_draws, _, n_components = draws.shape
    if n_draws <= 2 * n_components:
        return draws
    centred = draws[:, 0] - draws[:, 0].mean(0)
    root = torch.linalg.cholesky(centred.T @ centred / n_draws)
    return torch.linalg.solve_triangular(root, centred.T, upper=False).T[:, None]


def to_double(tensor):
    return tensor.double() if tensor.is_floating_point() else tensor


def elbo_of_draws(x, z, posterior, likelihood, prior):
    """The ELBO of each row at each draw; its KL term needs no draws."""
    return elbo(x, posterior, likelihood, prior).bound


class Inference(ClassNamePrefixFeaturesOutMixin, TransformerMixin):
    """What a fitted model makes of rows and codes, in double precision."""

    def _validate_as_fitted(self, X, covariates):
        check_is_fitted(self, "net_")
        return self._accept(X, covariates, reset=False)

    def _inference_module(self):
        """A copy for inference, in double precision.

        In single precision a row's result depends on the rows beside it, at 1e-7. Sums
        over the non-zeros of sparse rows do not, and stay in it: they take most of the
        time, and four times as long in double precision.
        """
        check_is_fitted(self, "net_")
        one_thread_after_fork()
        module = copy.deepcopy(self.net_.module_).eval().requires_grad_(False)
        if next(module.parameters()).device.type == "mps":  # has no doubles
            module = module.cpu()
        single = module.encoder.first_layers if self._takes_sparse_rows else ()
        for part in module.modules():
            if part not in single:
                part._apply(to_double, recurse=False)
        return module

    @property
    def _width(self):
        """Numbers that a row takes in the widest layer, features aside."""
        return max(self._n_features_out, *self.net_.config["hidden_layer_sizes"], 1)

    def _decoded_width(self, X):
        """Numbers that a row of X takes where it is decoded and scored."""
        return max(self._width, self.n_features_in_)

    def _blocks(self, data, module, width):
        """Blocks of rows and covariates, on the module's device, behind their starts.

        Of so many rows that they fill a block if each takes `width` numbers.
        """
        X, device = data.X, next(module.parameters()).device
        sparse = self._takes_sparse_rows and not isinstance(X, np.ndarray)
        width = max(width, data.covariates.shape[1], 0 if sparse else X.shape[1])
        size = max(1, min(2048, BLOCK_SIZE // width))
        for start in range(0, X.shape[0], size):
            block = data.take(slice(start, start + size))
            c = to_dense_tensor(block.covariates, torch.float64, device)
            if sparse:
                x = SparseRows.from_csr(block.X, torch.float64, device, False)
            else:
                x = to_dense_tensor(block.X, torch.float64, device)
            yield start, x, c

    def _finite(self, values):
        """Results for rows of X as an array, unless they are NaN or infinite."""
        if not values.isfinite().all():
            raise ValueError(
                f"{type(self).__name__} gets NaN or infinity from X: it holds such "
                "values, or some that are too large. Scale X to smaller values."
            )
        return values.cpu().numpy()

    def _map_blocks(self, function, data, module, width, n_columns):
        """What a function makes of rows and covariates, block by block.

        Returns an array of shape (n_samples, n_columns), in the precision of X.
        """
        X = data.X
        single = X.dtype == np.float32
        out = np.empty((X.shape[0], n_columns), np.float32 if single else np.float64)
        for start, x, c in self._blocks(data, module, width):
            values = function(x, c)
            out[start : start + len(x)] = self._finite(
                values.float() if single else values
            )
        return out

    def _encode(self, data, module):
        """q(z | x) of validated rows, encoded block by block."""
        posteriors = [
            module.encoder(x, c=c)
            for _, x, c in self._blocks(data, module, self._width)
        ]
        return diagonal_normal(
            torch.cat([q.mean for q in posteriors]),
            torch.cat([q.stddev for q in posteriors]),
        )

    def fit_transform(self, X, y=None, *, covariates=None):
        """`fit` to X, then `transform` it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : ignored
            Not used.
        covariates : array-like, default=None
            As in `fit`.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Of topic models with topic proportions, these: rows sum to one.
        """
        fitted = self.fit(X, y, covariates=covariates)
        return fitted.transform(X, covariates=covariates)

    def transform(self, X, *, covariates=None):
        """Map X to the latent representation: the posterior mean, without noise.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates : array-like, default=None
            Needed after a fit with covariates: as in `fit`, or one label, or one row of
            numbers, that holds for all rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, n_components)
            Of topic models with topic proportions, these: rows sum to one.
        """
        data = self._validate_as_fitted(X, covariates)
        module = self._inference_module()
        n_columns = self._n_features_out
        return self._map_blocks(module.codes, data, module, self._width, n_columns)

    def posterior(self, X, *, covariates=None):
        """Approximate posterior q(z | x) of each row of X, a diagonal normal.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates : array-like, default=None
            As in `transform`.

        Returns
        -------
        mean, std : ndarrays of shape (n_samples, n_components)
            In the latent space, before the softmax of a topic model.
        """
        data = self._validate_as_fitted(X, covariates)
        module = self._inference_module()

        def encode(x, c):
            posterior = module.encoder(x, c=c)
            return torch.cat([posterior.mean, posterior.stddev], dim=1)

        n_columns = 2 * self._n_features_out
        both = self._map_blocks(encode, data, module, self._width, n_columns)
        return tuple(np.hsplit(both, 2))

    def inverse_transform(self, X, *, covariates=None):
        """Map latent representations back: the mean of p(x | z).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            As `transform` returns them.
        covariates : array-like, default=None
            As in `transform`. Others than those of the encoded rows show what these
            would be under them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Of counts, the probabilities of the words.
        """
        check_is_fitted(self, "net_")
        codes = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        if codes.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {codes.shape[1]} components, but {type(self).__name__} was "
                f"fitted with n_components={self._n_features_out}."
            )
        covariates = check_covariates(self, covariates, len(codes), reset=False)
        return self._decode(Data(codes, covariates))

    def _decode(self, codes):
        """Means of p(x | z) at codes and covariates."""
        module, n_columns = self._inference_module(), self.n_features_in_
        width = max(self._width, n_columns)
        return self._map_blocks(
            lambda z, c: module.decoder(z, c=c).mean, codes, module, width, n_columns
        )

    def score_samples(self, X, *, covariates=None, bound="elbo", n_draws=128):
        """Lower bound of the log-likelihood of each row of X.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates : array-like, default=None
            As in `transform`. The likelihood is then that of the rows given these.
        bound : {"elbo", "importance"}, default="elbo"
            "elbo" is the evidence lower bound, with the full KL term whatever the
            warm-up. "importance" is the importance-weighted bound [1]_, which is
            tighter and tends to the log-likelihood as draws are added, see
            `effective_sample_size`.
        n_draws : int, default=128
            Draws of the posterior. They are quasi-random and all rows share them, so
            the result is deterministic and does not depend on the other rows.

        Returns
        -------
        bounds : ndarray of shape (n_samples,)
            In nats. Larger is better.

        References
        ----------
        .. [1] Burda, Y., Grosse, R. and Salakhutdinov, R. (2016). Importance weighted
           autoencoders. ICLR.
        """
        return self._bounds(self._validate_as_fitted(X, covariates), bound, n_draws)

    def effective_sample_size(self, X, *, covariates=None, n_draws=128):
        """How many draws the importance-weighted bound of each row rests on.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        covariates : array-like, default=None
            As in `transform`.
        n_draws : int, default=128
            Draws of the posterior, the same as those of `score_samples`.

        Returns
        -------
        sizes : ndarray of shape (n_samples,)
            (sum of weights)^2 / sum of squared weights, from 1 to `n_draws`. Near
            `n_draws` where q(z | x) is the true posterior; near 1 where one draw
            outweighs all others and the bound would rise with more. What no draw has
            met, such as another mode of the posterior, it cannot know of.
        """
        data = self._validate_as_fitted(X, covariates)
        return np.concatenate(
            [
                self._finite((2 * w.logsumexp(0) - (2 * w).logsumexp(0)).exp())
                for w in self._over_draws(data, n_draws, log_importance_weights)
            ]
        )

    def _bounds(self, data, bound="elbo", n_draws=128):
        """`score_samples` of validated rows."""
        if bound == "elbo":
            terms = self._over_draws(data, n_draws, elbo_of_draws)
            parts = [t.mean(0) for t in terms]
        elif bound == "importance":
            terms = self._over_draws(data, n_draws, log_importance_weights)
            parts = [t.logsumexp(0) - np.log(n_draws) for t in terms]
        else:
            raise ValueError(f"bound={bound!r}, but it is 'elbo' or 'importance'.")
        return self._finite(torch.cat(parts))

    def _over_draws(self, data, n_draws, term):
        """Values of a term at draws of the posterior of validated rows, in blocks.

        Yields tensors of shape (n_draws, rows of the block).
        """
        n_draws = int(check_scalar(n_draws, "n_draws", Integral, min_val=1))
        module = self._inference_module()
        noise = sobol_normal(n_draws, self._n_features_out)
        if term is elbo_of_draws:
            noise = standardised(noise)
        width = self._decoded_width(data.X)
        for _, x, c in self._blocks(data, module, max(width, n_draws)):
            posterior, prior = module.encoder(x, c=c), module.prior()
            # As many draws at a time as a block of rows has room for.
            size = max(1, BLOCK_SIZE // (len(x) * width))
            values = []
            for eps in noise.to(x.device).split(size):
                z = posterior.mean + posterior.stddev * eps
                likelihood = module.decoder(module.link(z), c=c)
                values.append(term(x, z, posterior, likelihood, prior).cpu())
            yield torch.cat(values)

    def sample(self, n_samples=1, random_state=None, *, covariates=None):
        """Draw new rows: z from the prior, then x from p(x | z).

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows.
        random_state : int, RandomState instance or None, default=None
            Of codes and rows. An int gives the same rows in each call.
        covariates : array-like, default=None
            As in `transform`: of each new row, or one for all.

        Returns
        -------
        X : array of shape (n_samples, n_features)
            Rows as those of the training data.
        """
        module = self._inference_module()
        check_scalar(n_samples, "n_samples", Integral, min_val=1)
        rng = check_random_state(random_state)
        prior = module.prior()
        eps = rng.standard_normal((n_samples, self._n_features_out))
        z = prior.mean + prior.stddev * torch.from_numpy(eps).to(prior.mean.device)
        codes = module.link(z).cpu().numpy()
        return self._draw(self.inverse_transform(codes, covariates=covariates), rng)
