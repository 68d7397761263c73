"""Names of the package: its public modules, and hints at what is in them."""

import importlib

import pytest
from helpers import PUBLIC_MODULES

import skvae
from skvae import GSMTopicModel
from skvae.models.base import BaseVAE


def test_public_modules_are_there_after_import(monkeypatch):
    for name in PUBLIC_MODULES[1:]:
        module = importlib.import_module(name)
        short = name.removeprefix("skvae.")
        monkeypatch.delattr(skvae, short)  # as if no one had imported it
        assert short in dir(skvae) and getattr(skvae, short) is module
    with pytest.raises(AttributeError, match="'skvae' has no attribute 'topics'"):
        skvae.topics  # noqa: B018


def test_names_of_modules_are_found():
    with pytest.raises(AttributeError, match=r"It is skvae\.inspection\.top_words\.$"):
        getattr(skvae, "top_words")  # noqa: B009
    with pytest.raises(AttributeError, match="has no attribute 'nothing'$"):
        getattr(skvae, "nothing")  # noqa: B009


def test_patches_of_the_base_class_reach_all_models(monkeypatch):
    assert GSMTopicModel.score_samples is BaseVAE.score_samples
    monkeypatch.setattr(BaseVAE, "score_samples", lambda self, X: "patched")
    assert GSMTopicModel().score_samples(None) == "patched"
    monkeypatch.setattr(BaseVAE.posterior, "__doc__", "Patched.")
    assert GSMTopicModel.posterior.__doc__ == "Patched."
