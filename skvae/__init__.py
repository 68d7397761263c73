"""Variational autoencoders and neural topic models for scikit-learn users."""

from skvae.persistence import ModelFileError, load
from skvae.topics import GSMTopicModel, NVDMTopicModel, ProdLDATopicModel
from skvae.utils.version import __version__
from skvae.vae import VAETransformer

__all__ = [
    "GSMTopicModel",
    "ModelFileError",
    "NVDMTopicModel",
    "ProdLDATopicModel",
    "VAETransformer",
    "__version__",
    "load",
    "report",
]


def __getattr__(name):
    if name == "report":  # late: it takes much of scikit-learn
        from skvae._report import report

        return report
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted({*globals(), *__all__})
