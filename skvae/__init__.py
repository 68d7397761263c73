"""Variational autoencoders and neural topic models for scikit-learn users."""

from skvae._report import report
from skvae.topics import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel
from skvae.vae import VAETransformer

__version__ = "0.1.0.dev0"

__all__ = [
    "GSMTopicModel",
    "NVDMTopicModel",
    "ProdLDATopicModel",
    "VAETransformer",
    "report",
]
