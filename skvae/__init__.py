"""Variational autoencoders and neural topic models for scikit-learn users."""

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


def __getattr__(name):
    if name == "report":  # late: it takes much of scikit-learn
        from skvae._report import report

        return report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
