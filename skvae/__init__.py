"""Variational autoencoders and neural topic models for scikit-learn users."""

from skvae.cluster import ClusterTopicModel
from skvae.consensus import ConsensusTopicModel
from skvae.groups import TopicGroups
from skvae.models.gsm import GSMTopicModel
from skvae.models.nvdm import NVDMTopicModel
from skvae.models.prodlda import ProdLDATopicModel
from skvae.models.vae import VAETransformer
from skvae.persistence import ModelFileError, load
from skvae.utils.version import __version__

__all__ = [
    "ClusterTopicModel",
    "ConsensusTopicModel",
    "GSMTopicModel",
    "ModelFileError",
    "NVDMTopicModel",
    "ProdLDATopicModel",
    "TopicGroups",
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
