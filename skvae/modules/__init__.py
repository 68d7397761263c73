"""Encoders, decoders and the variational autoencoder that they make.

Modules return distributions and know nothing of fitting. Initial weights come from the
generator given to the constructor, noise from the generator given to ``forward``:
torch's global generator is never touched. Dropout and batch statistics act in
training mode alone.
"""

from skvae.modules._autoencoder import DenseDecoder, VariationalAutoencoder
from skvae.modules._latent import (
    GaussianEncoder,
    GaussianPrior,
    diagonal_normal,
    reparameterise,
)
from skvae.modules._layers import ACTIVATIONS, MLP, Standardise
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
    "DenseDecoder",
    "ExpertsDecoder",
    "GaussianEncoder",
    "GaussianPrior",
    "LogLinearDecoder",
    "ScaledCounts",
    "Standardise",
    "TopicMixtureDecoder",
    "VariationalAutoencoder",
    "diagonal_normal",
    "reparameterise",
    "topic_proportions",
]
