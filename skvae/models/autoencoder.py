"""From the parameters of VAETransformer to its networks and what they are fed with."""

import copy
import math

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd

from skvae.models.mixed import check_columns, kinds_of, likelihood_to_train
from skvae.nn.autoencoder import (
    Affine,
    Decoder,
    GaussianEncoder,
    GaussianPrior,
    NoPrior,
    ScaledCounts,
    VariationalAutoencoder,
)
from skvae.nn.convolution import ConvolutionalDecoder, ConvolutionalEncoder
from skvae.nn.layers import MLP, Custom
from skvae.nn.likelihoods import make_output
from skvae.training.data import feature_moments
from skvae.utils.validation import check_layer_sizes, invalid_parameter

# Values of the rows that training starts from, at the most.
MAX_START_VALUES = 2**24
# Of the variance: the least that a linear model leaves, or explains by a component.
LEAST_SHARE = 1e-4


# Corruptions return dense rows, so that every container gives the same bits.


def mask(rows, rng, level):
    """Rows with a random share of their values set to zero; NaN stays."""
    rows = rows.toarray() if sp.issparse(rows) else rows
    return np.where(rng.random(rows.shape, dtype=np.float32) < level, 0 * rows, rows)


def add_noise(rows, rng, level):
    """Rows with normal noise of a given standard deviation added."""
    rows = rows.toarray() if sp.issparse(rows) else rows
    with np.errstate(over="ignore", invalid="ignore"):  # training reports it
        return rows + level * rng.standard_normal(rows.shape, dtype=np.float32)


CORRUPTIONS = {"masking": mask, "gaussian": add_noise}


def bound_without_codes(inference, data):
    """Mean log-likelihood of rows by mean and deviation of the features alone."""
    output = copy.deepcopy(inference.module.decoder.output)
    for part in output.modules():
        if getattr(part, "log_scale", None) is not None:
            part.log_scale.zero_()  # those of the features
    mean, _, number = feature_moments(data.X)
    mean, number = (
        torch.from_numpy(part).to(inference.device) for part in (mean, number)
    )
    n_samples, total = data.X.shape[0], 0.0
    constant = output.at_mean(mean, number)
    for _, x, *_ in inference.blocks(data, inference.width):
        likelihood = output(constant.expand(len(x), -1))
        total += likelihood.log_prob(x).sum().item()
    return total / n_samples


def checked_config(model, n_features):
    """What a VAETransformer's module is built from beside the sizes, or raise."""
    likelihood = likelihood_to_train(model)
    check_columns(model, likelihood, n_features)
    channels = check_layer_sizes(model, "channels")
    if model.architecture == "conv" and not channels:
        must = "hold one number or more with architecture='conv'"
        raise invalid_parameter(model, "channels", must)
    if model.n_importance > 1 and not model.variational:
        must = "be 1 with variational=False, whose codes are points"
        raise invalid_parameter(model, "n_importance", must)
    if model.corruption == "masking" and model.denoising >= 1:
        must = "be a share of the values, below 1, with corruption='masking'"
        raise invalid_parameter(model, "denoising", must)
    return {
        "likelihood": likelihood,
        "scale": checked_scale(model, n_features),
        "variational": bool(model.variational),
        "center": bool(model.center),
        "linear_path": bool(model.linear_path),
        "architecture": model.architecture,
        "image_shape": checked_image_shape(model, n_features),
        "channels": channels,
        "encoder": model.encoder,
        "decoder": model.decoder,
        # Dense encoders see counts of words as those of the topic models do.
        "scaled_counts": kinds_of(likelihood) == ["multinomial"]
        and model.architecture == "dense"
        and model.encoder is None,
    }


def checked_scale(model, n_features):
    """Return `scale` as a string, a number, or a number for each feature."""
    scale = model.scale
    if isinstance(scale, str):
        return scale
    try:
        scale = np.asarray(scale, dtype=np.float64)
    except (TypeError, ValueError):  # which would not name the parameter
        scale = np.asarray(np.nan)
    sound = np.isfinite(scale).all() and (scale > 0).all()
    if scale.shape not in ((), (n_features,)) or not sound:
        must = f"be positive, one number or one for each of the {n_features} features"
        raise invalid_parameter(model, "scale", must)
    return scale.tolist() if scale.ndim == 0 else tuple(scale.tolist())


def checked_image_shape(model, n_features):
    """Return `image_shape` with its channels, or None."""
    if model.image_shape is None:
        if model.architecture == "conv":
            must = "be (channels, height, width) or (height, width) with 'conv'"
            raise invalid_parameter(model, "image_shape", must)
        return None
    shape = check_layer_sizes(model, "image_shape")
    if len(shape) == 2:
        shape = (1, *shape)
    # Channels may well be first in other shapes, such as (6, 16, 1).
    if len(shape) == 3 and shape[0] == shape[1] > 4 and shape[2] in (1, 3):
        must = (
            f"have channels first, {(shape[-1], *shape[:2])}, as the values of a row: "
            "those of np.moveaxis(images, -1, 1)"
        )
        raise invalid_parameter(model, "image_shape", must)
    if len(shape) != 3 or math.prod(shape) != n_features:
        must = (
            "be (channels, height, width), or (height, width), and its product the "
            f"{n_features} features of X"
        )
        raise invalid_parameter(model, "image_shape", must)
    return shape


def has_linear_path(config):
    """Whether hidden layers add to a linear model: of real values, in dense layers."""
    return (
        config["linear_path"]
        and "gaussian" in kinds_of(config["likelihood"])
        and config["architecture"] == "dense"
        and config["encoder"] is config["decoder"] is None
        # Codes are for what these do not tell, and PCA does not know of them.
        and config["n_covariates"] == 0
    )


@torch.no_grad()
def start_at_pca(module, X, noise=None):
    """Let an autoencoder with a linear path begin as probabilistic PCA.

    The hidden layers add to a linear model that is there from the first step. It is one
    of the real columns, with what is missing at the mean.

    Parameters
    ----------
    module : VariationalAutoencoder
        With means of the features in place, and their deviations as `scale`.
    X : array or Shards of shape (n_samples, n_features)
    noise : float, optional
        Variance around the linear model, in squares of `scale`. Without, it is what the
        components leave, and `scale` begins there.

    References
    ----------
    Tipping, M. E. and Bishop, C. M. (1999). Probabilistic principal component analysis.
    Journal of the Royal Statistical Society B 61(3), 611-622.
    https://doi.org/10.1111/1467-9868.00196
    """
    encoder, decoder, output = module.encoder, module.decoder, module.decoder.output
    n_samples, n_features = X.shape
    rows = X[:: -(-n_samples * n_features // MAX_START_VALUES)]
    rows = rows.toarray() if sp.issparse(rows) else rows
    # Every container gives the same bits.
    rows = torch.from_numpy(np.array(rows, dtype=np.float64, order="C"))
    scale = output.scale.expand(n_features)
    real = scale.isfinite()
    scale = scale.nan_to_num(1.0)
    rows = ((rows - encoder.preprocess.offset) / scale).nan_to_num(0.0) * real
    n_real, spread = int(real.sum()), rows.square().mean(0)
    n_found = min(encoder.n_components, len(rows) - 1, n_real - 1)
    if n_found < 1 or not 0 < spread.sum() < torch.inf:
        return
    _, lengths, axes = randomized_svd(
        rows.numpy(), n_found, power_iteration_normalizer="QR", random_state=0
    )
    variances = torch.from_numpy(lengths).square() / len(rows)
    variances = variances[variances > LEAST_SHARE * spread.sum()]
    axes = torch.from_numpy(axes[: len(variances)])
    if noise is None:
        rest = (spread.sum() - variances.sum()) / (n_real - len(variances))
        noise = rest.clamp(min=LEAST_SHARE * spread.sum() / n_real)
    # Where noise hides a component, a little of it stays, for training to find.
    explained = (variances - noise).clamp(min=0.01 * variances)
    unexplained = spread - (explained[:, None] * axes.square()).sum(0)
    output.take_residuals(unexplained.clamp(min=LEAST_SHARE))
    if not encoder.variational:
        explained, noise = variances, 0.0
    loadings = explained.sqrt()[:, None] * axes
    codes = (loadings / (explained + noise)[:, None] * output.seen_unit / scale).T

    start, last = encoder.mean.weight, decoder.body.output.weight
    start[: -encoder.body.n_in] = last[: -decoder.body.n_in] = 0
    seen, given = start[-encoder.body.n_in :], last[-decoder.body.n_in :]
    seen[:n_features, : len(variances)] = codes * encoder.body.n_in
    loadings = loadings * scale / output.output_unit
    given[: len(variances)] = loadings * decoder.body.n_in
    if encoder.variational:
        log_variances = (noise / (explained + noise)).log()
        encoder.log_variance.bias[: len(variances)] = log_variances


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
    output = make_output(config["likelihood"], n_features, config["scale"])
    n_covariates = config["n_covariates"]
    n_side = n_covariates + config["n_embedding_features"]
    if config["sees_gaps"]:
        n_side += n_features
    if config["scaled_counts"]:
        preprocess = ScaledCounts()
        n_side += preprocess.n_extra_features
    else:
        preprocess = Affine(n_features, unit=output.seen_unit is not None)
    n_seen, n_given = n_features + n_side, n_components + n_covariates
    image = config["image_shape"], config["channels"]
    conv = config["architecture"] == "conv"
    skip = has_linear_path(config)

    if config["encoder"] is not None:
        body = Custom(config["encoder"], (n_seen,), n_seen, generator)
    elif conv:
        body = ConvolutionalEncoder(*image, hidden, **layers, n_side=n_side)
    else:
        body = MLP(n_seen, hidden, **layers, skip=skip)
    encoder = GaussianEncoder(
        body,
        n_components,
        generator,
        preprocess=preprocess,
        variational=config["variational"],
        n_embedding_features=config["n_embedding_features"],
        sees_gaps=config["sees_gaps"],
    )

    if config["decoder"] is not None:
        widths = n_given, n_features
        body = Custom(config["decoder"], widths, n_given, generator)
        if body.n_out != n_features:
            raise ValueError(
                f"The module of decoder{widths} must map rows to {n_features} "
                f"features, but maps them to {body.n_out}."
            )
    elif conv:
        body = ConvolutionalDecoder(*image, n_given, hidden[::-1], **layers)
    else:
        body = MLP(n_given, hidden[::-1], **layers, n_out=n_features, skip=skip)
    if config["variational"]:
        prior = GaussianPrior(n_components, learnt=False)
    else:
        prior = NoPrior()
    return VariationalAutoencoder(encoder, Decoder(body, output, n_features), prior)
