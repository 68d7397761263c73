"""Encoders, decoders and the variational autoencoder that they make.

Modules return distributions and know nothing of fitting. Initial weights come from the
generator given to the constructor, noise from the generator given to ``forward``:
torch's global generator is never touched. Dropout and batch statistics act in
training mode alone.
"""

from skvae.modules._autoencoder import Decoder, VariationalAutoencoder
from skvae.modules._convolution import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    image_sizes,
)
from skvae.modules._latent import (
    Affine,
    FlatPrior,
    GaussianEncoder,
    GaussianPrior,
    diagonal_normal,
    reparameterise,
)
from skvae.modules._layers import ACTIVATIONS, MLP, Custom, Standardise
from skvae.modules._topics import (
    TOPIC_CONSTRUCTIONS,
    ExpertsDecoder,
    LogLinearDecoder,
    ScaledCounts,
    TopicMixtureDecoder,
    topic_proportions,
)

__all__ = [
    "ACTIVATIONS",
    "MLP",
    "TOPIC_CONSTRUCTIONS",
    "Affine",
    "ConvolutionalDecoder",
    "ConvolutionalEncoder",
    "Custom",
    "Decoder",
    "ExpertsDecoder",
    "FlatPrior",
    "GaussianEncoder",
    "GaussianPrior",
    "LogLinearDecoder",
    "ScaledCounts",
    "Standardise",
    "TopicMixtureDecoder",
    "VariationalAutoencoder",
    "diagonal_normal",
    "image_sizes",
    "reparameterise",
    "topic_proportions",
]
