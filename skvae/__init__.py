"""Variational autoencoders and neural topic models for scikit-learn users."""

import importlib

from skvae.models.cluster import ClusterTopicModel
from skvae.models.consensus import ConsensusTopicModel
from skvae.models.groups import TopicGroups
from skvae.models.gsm import GSMTopicModel
from skvae.models.nvdm import NVDMTopicModel
from skvae.models.prodlda import ProdLDATopicModel
from skvae.models.vae import VAETransformer
from skvae.persistence import ModelFileError, load, save
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
    "save",
]
# Public modules: imported when first asked for, as `report` is, which take much of
# scikit-learn.
_MODULES = [
    "datasets",
    "distributed",
    "export",
    "inspection",
    "metrics",
    "model_selection",
    "plotting",
    "shards",
    "text",
]


def __getattr__(name):
    if name == "report":
        return importlib.import_module("skvae._report").report
    if name in _MODULES:
        return importlib.import_module(f"skvae.{name}")
    lacks = f"module {__name__!r} has no attribute {name!r}"
    if not name.startswith("_"):
        for module in _MODULES:
            if name in importlib.import_module(f"skvae.{module}").__all__:
                raise AttributeError(f"{lacks}. It is skvae.{module}.{name}.")
    raise AttributeError(lacks)


def __dir__():
    return sorted({*globals(), *__all__, *_MODULES})
