"""From the parameters of VAETransformer to its networks and what they are fed with."""

import copy
import math
from functools import partial

import numpy as np
import scipy.sparse as sp
import torch

from skvae.models.mixed import check_columns, likelihood_to_train
from skvae.nn.autoencoder import Decoder, VariationalAutoencoder
from skvae.nn.convolution import ConvolutionalDecoder, ConvolutionalEncoder
from skvae.nn.latent import Affine, FlatPrior, GaussianEncoder, GaussianPrior
from skvae.nn.layers import MLP, Custom
from skvae.nn.likelihoods import make_output
from skvae.utils.counts import feature_moments
from skvae.utils.validation import InvalidParameterError, check_layer_sizes


def mask(rows, rng, rate):
    """Rows with a random share of their values set to zero; NaN stays."""
    return np.where(rng.random(rows.shape, dtype=np.float32) < rate, 0 * rows, rows)


def add_noise(rows, rng, std):
    """Rows with normal noise of the given standard deviation added."""
    with np.errstate(over="ignore", invalid="ignore"):  # training will tell
        return rows + std * rng.standard_normal(rows.shape, dtype=np.float32)


CORRUPTIONS = {"masking": mask, "gaussian": add_noise}


def corruption(kind, level):
    """A function that corrupts rows, or None if they stay intact."""
    return partial(corrupt, kind=kind, level=level) if level else None


def corrupt(rows, rng, kind, level):
    """Rows, dense or sparse, corrupted; dense, so that any container gives the same."""
    rows = rows.toarray() if sp.issparse(rows) else rows
    return CORRUPTIONS[kind](rows, rng, level)


def bound_without_codes(inference, data):
    """Mean log-likelihood of rows by mean and deviation of the features alone."""
    output = copy.deepcopy(inference.module.decoder.output)
    for part in output.modules():
        if getattr(part, "log_scale", None) is not None:
            part.log_scale.zero_()  # the deviations that training began with
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
    name, likelihood = type(model).__name__, likelihood_to_train(model)
    check_columns(model, likelihood, n_features)
    check_layer_sizes(name, "channels", model.channels)
    if model.architecture == "conv" and len(model.channels) == 0:
        raise InvalidParameterError(
            f"The 'channels' parameter of {name} must hold one number or more with "
            f"architecture='conv'. Got {model.channels!r} instead."
        )
    if model.n_importance > 1 and not model.variational:
        raise InvalidParameterError(
            f"The 'n_importance' parameter of {name} must be 1 with variational=False, "
            f"whose codes are points. Got {model.n_importance!r} instead."
        )
    if model.corruption == "masking" and model.denoising >= 1:
        raise InvalidParameterError(
            f"The 'denoising' parameter of {name} is the share of masked values, "
            f"below 1, with corruption='masking'. Got {model.denoising!r} instead."
        )
    return {
        "likelihood": likelihood,
        "scale": checked_scale(name, model.scale, n_features),
        "variational": bool(model.variational),
        "center": bool(model.center),
        "architecture": model.architecture,
        "image_shape": checked_image_shape(model, n_features),
        "channels": tuple(int(n) for n in model.channels),
        "batch_norm": bool(model.batch_norm),
        "encoder": model.encoder,
        "decoder": model.decoder,
    }


def checked_scale(name, scale, n_features):
    """The parameter `scale` as a string, a number, or a number for each feature."""
    if isinstance(scale, str):
        return scale
    try:
        numbers = np.asarray(scale, dtype=np.float64)
    except (TypeError, ValueError):  # which would not name the parameter
        numbers = np.asarray(np.nan)
    if numbers.shape not in ((), (n_features,)) or not (
        np.isfinite(numbers).all() and (numbers > 0).all()
    ):
        raise ValueError(
            f"The 'scale' parameter of {name} must be positive, one number or one for "
            f"each of the {n_features} features. Got {scale!r} instead."
        )
    return numbers.tolist() if numbers.ndim == 0 else tuple(numbers.tolist())


def checked_image_shape(model, n_features):
    """The parameter `image_shape` with its channels, or None."""
    name, given = type(model).__name__, model.image_shape
    if given is None:
        if model.architecture == "conv":
            raise ValueError(
                f"{name} with architecture='conv' needs image_shape=(channels, "
                "height, width) or (height, width)."
            )
        return None
    check_layer_sizes(name, "image_shape", given)
    shape = tuple(int(n) for n in given)
    if len(shape) == 2:
        shape = (1, *shape)
    if len(shape) != 3 or math.prod(shape) != n_features:
        raise ValueError(
            f"{name} was given image_shape={given!r}, but X has {n_features} features. "
            "Pass (channels, height, width), or (height, width), whose product is "
            f"{n_features}; the values of a row are in that order, channels first."
        )
    return shape


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
    n_beside = n_covariates + config["n_embedding_features"]
    if config["sees_gaps"]:
        n_beside += n_features
    n_seen, n_given = n_features + n_beside, n_components + n_covariates
    image = config["image_shape"], config["channels"]
    conv = config["architecture"] == "conv"
    output = make_output(config["likelihood"], n_features, config["scale"])

    if config["encoder"] is not None:
        body = Custom(config["encoder"], (n_seen,), n_seen, generator)
    elif conv:
        body = ConvolutionalEncoder(*image, hidden, **layers, n_beside=n_beside)
    else:
        body = MLP(n_seen, hidden, **layers)
    encoder = GaussianEncoder(
        body,
        n_components,
        generator,
        preprocess=Affine(n_features, unit=output.seen_unit is not None),
        variational=config["variational"],
        n_embedding_features=config["n_embedding_features"],
        sees_gaps=config["sees_gaps"],
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
