"""From the parameters of VAETransformer to its networks and what they are fed with."""

import numpy as np
import scipy.sparse as sp

from skvae.nn.autoencoder import Decoder, VariationalAutoencoder
from skvae.nn.convolution import ConvolutionalDecoder, ConvolutionalEncoder
from skvae.nn.latent import Affine, FlatPrior, GaussianEncoder, GaussianPrior
from skvae.nn.layers import MLP, Custom
from skvae.nn.likelihoods import BernoulliOutput, GaussianOutput, MultinomialOutput


def mask(rows, rng, rate):
    """Rows with a random share of their values set to zero."""
    return np.where(rng.random(rows.shape, dtype=np.float32) < rate, 0, rows)


def add_noise(rows, rng, std):
    """Rows with normal noise of the given standard deviation added."""
    with np.errstate(over="ignore", invalid="ignore"):  # training will tell
        return rows + std * rng.standard_normal(rows.shape, dtype=np.float32)


CORRUPTIONS = {"masking": mask, "gaussian": add_noise}


def corrupt(rows, rng, corruption, level):
    """Rows, dense or sparse, corrupted; dense, so that any container gives the same."""
    rows = rows.toarray() if sp.issparse(rows) else rows
    return CORRUPTIONS[corruption](rows, rng, level)


def feature_moments(X, n_values=2**21):
    """Mean and standard deviation of each column, in double precision.

    Summed up in dense blocks of n_values, so that every container gives the same bits.
    """
    size = max(1, n_values // X.shape[1])

    def blocks():
        for start in range(0, X.shape[0], size):
            rows = X[start : start + size]
            rows = rows.toarray() if sp.issparse(rows) else rows
            yield np.ascontiguousarray(rows, dtype=np.float64)

    with np.errstate(over="ignore", invalid="ignore"):  # training will tell
        mean = sum(rows.sum(axis=0) for rows in blocks()) / X.shape[0]
        square = sum(((rows - mean) ** 2).sum(axis=0) for rows in blocks())
    return mean, np.sqrt(square / X.shape[0])


def build_autoencoder(config, generator):
    """Return a new module from the configuration that VAETransformer checked."""
    n_features, n_components = config["n_features"], config["n_components"]
    hidden = config["hidden_layer_sizes"]
    layers = {
        "activation": config["activation"],
        "dropout": config["dropout"],
        "generator": generator,
        "batch_norm": config["batch_norm"],
    }
    n_covariates = config["n_covariates"]
    n_seen, n_given = n_features + n_covariates, n_components + n_covariates
    image = config["image_shape"], config["channels"]
    conv = config["architecture"] == "conv"

    if config["likelihood"] == "gaussian":
        output = GaussianOutput(n_features, config["scale"])
    elif config["likelihood"] == "bernoulli":
        output = BernoulliOutput()
    else:
        output = MultinomialOutput()

    if config["encoder"] is not None:
        body = Custom(config["encoder"], (n_seen,), n_seen, generator)
    elif conv:
        body = ConvolutionalEncoder(*image, hidden, **layers, n_covariates=n_covariates)
    else:
        body = MLP(n_seen, hidden, **layers)
    encoder = GaussianEncoder(
        body,
        n_components,
        generator,
        preprocess=Affine(n_features, unit=isinstance(output, GaussianOutput)),
        variational=config["variational"],
    )

    if config["decoder"] is not None:
        widths = n_given, n_features
        body = Custom(config["decoder"], widths, n_given, generator)
        if body.n_out != n_features:
            raise ValueError(
                f"The module of decoder{widths} has to map rows of {n_given} "
                f"codes to rows of {n_features} features, but has {body.n_out}."
            )
    elif conv:
        body = ConvolutionalDecoder(*image, n_given, hidden[::-1], **layers)
    else:
        body = MLP(n_given, hidden[::-1], n_out=n_features, **layers)
    if config["variational"]:
        prior = GaussianPrior(n_components, learnt=False)
    else:
        prior = FlatPrior(n_components)
    return VariationalAutoencoder(encoder, Decoder(body, output, n_features), prior)
