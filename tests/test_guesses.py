"""Who types what other libraries call it is told what it is called here."""

import copy
import inspect
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest
from helpers import PUBLIC_MODULES
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline

import skvae
from skvae import (
    ClusterTopicModel,
    ConsensusTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    ProdLDATopicModel,
    TopicGroups,
    VAETransformer,
)
from skvae.utils import guesses

ESTIMATORS = [
    *(NVDMTopicModel, GSMTopicModel, ProdLDATopicModel, VAETransformer),
    *(ClusterTopicModel, ConsensusTopicModel, TopicGroups),
]


# --- parameters ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "cls, guess, told",
    [
        (NVDMTopicModel, "n_topics", "It is called 'n_components'"),
        (ConsensusTopicModel, "n_topics", "It is called 'n_components'"),
        (ClusterTopicModel, "n_clusters", "It is called 'n_components'"),
        (VAETransformer, "latent_dim", "It is called 'n_components'"),
        (GSMTopicModel, "max_iter", "It is called 'max_epochs'"),
        (ProdLDATopicModel, "learning_rate", "It is called 'lr'"),
        (VAETransformer, "beta", "It is called 'kl_weight'"),
        (NVDMTopicModel, "beta", "VAETransformer has kl_weight"),
        (NVDMTopicModel, "topic_word_prior", "GSMTopicModel has topic_word_prior"),
        (GSMTopicModel, "doc_topic_prior", "is learnt"),
        (GSMTopicModel, "n_jobs", "n_jobs of GridSearchCV"),
        (VAETransformer, "hidden_dims", "It is called 'hidden_layer_sizes'"),
        (GSMTopicModel, "max_df", "CountVectorizer"),
        (GSMTopicModel, "embedding_model", r"fit\(X, embeddings="),
        (TopicGroups, "model", "It is called 'estimator'"),
        (VAETransformer, "hiden_layer_sizes", "Is it 'hidden_layer_sizes'"),
        (ClusterTopicModel, "xyz", "It has .*n_components"),
    ],
)
def test_parameters_that_there_are_not_are_told_by_their_name_here(cls, guess, told):
    text = rf"^{cls.__name__}\(\) has no parameter '{guess}'\. .*{told}"
    with pytest.raises(TypeError, match=text):
        cls(**{guess: 1})
    model = cls(None) if cls is TopicGroups else cls()
    before = model.get_params(deep=False)
    first = next(iter(before))
    with pytest.raises(ValueError, match=rf"(?s)^Invalid .*'{guess}' .*{told}"):
        model.set_params(**{first: "set", guess: 1})
    assert model.get_params(deep=False) == before


def test_searches_tell_too():
    steps = Pipeline([("topics", GSMTopicModel())])
    with pytest.raises(ValueError, match="'max_iter' for .* It is called 'max_epochs'"):
        steps.set_params(topics__max_iter=3)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_estimators_stay_what_they_are(cls):
    """Signature, clones, copies and pickles, of subclasses elsewhere too."""
    model = cls(None) if cls is TopicGroups else cls(n_components=3)
    names = [*inspect.signature(cls).parameters]
    assert sorted(names) == sorted(model.get_params(deep=False))
    copies = copy.copy(model), copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    for other in [clone(model)] * (cls is not TopicGroups) + [*copies]:
        assert type(other) is cls
        assert other.get_params() == model.get_params()


def test_subclasses_of_others_may_take_what_they_like():
    class Own(GSMTopicModel):
        def __init__(self, n_components=3, n_topics=None):
            super().__init__(n_components)
            self.n_topics = n_topics

    assert Own(n_topics=2).set_params(n_topics=4).n_topics == 4


# --- attributes and methods ---------------------------------------------------------


@pytest.fixture(scope="module")
def fitted(corpus):
    small = dict(n_components=2, hidden_layer_sizes=5, max_epochs=3, random_state=0)
    gsm = GSMTopicModel(**small).fit(corpus.data)
    vae = VAETransformer(**small, likelihood="multinomial").fit(corpus.data)
    nvdm = NVDMTopicModel(**small)
    return {
        "gsm": gsm,
        "vae": vae,
        "cluster": ClusterTopicModel(2, estimator=nvdm).fit(corpus.data),
        "groups": TopicGroups(gsm, {"both": [0, 1]}).fit(corpus.data),
    }


@pytest.mark.parametrize("name", ["gsm", "vae", "cluster", "groups"])
def test_every_guess_is_answered_with_what_there_is(name, fitted):
    model, told = fitted[name], 0
    for meant, listed in type(model)._guesses.items():
        for part in re.findall(r"skvae\.[\w.]+", meant):
            found = skvae
            for step in part.split(".")[1:]:
                found = getattr(found, step)
        if not meant.startswith("skvae."):
            assert hasattr(model, re.match(r"\w+", meant)[0]), meant
        for guess in listed.split():
            if hasattr(model, guess):  # predict of ClusterTopicModel
                continue
            with pytest.raises(AttributeError) as error:
                getattr(model, guess)
            assert str(error.value) == (
                f"'{type(model).__name__}' object has no attribute '{guess}'. "
                f"Use {meant}."
            )
            told += 1
    assert told > 20


def test_no_guess_is_listed_twice():
    for table in (GSMTopicModel._guesses, VAETransformer._guesses):
        listed = " ".join(table.values()).split()
        assert len(listed) == len(set(listed))


def test_guesses_are_no_names_of_what_there_is():
    for right, listed in guesses.PARAMETERS.items():
        assert right not in listed.split()


def test_what_fit_sets_is_told_before():
    for attribute in ("components_", "n_iter_", "history_"):
        with pytest.raises(AttributeError, match=f"'{attribute}'. `fit` sets it."):
            getattr(GSMTopicModel(), attribute)
        assert not hasattr(GSMTopicModel(), attribute)
    with pytest.raises(AttributeError, match="'labels_'. `fit` sets it."):
        ClusterTopicModel().labels_  # noqa: B018


def test_what_properties_tell_stays(fitted, corpus):
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        GSMTopicModel().health_  # noqa: B018
    with pytest.raises(AttributeError, match="components_: its decoder is not linear"):
        fitted["vae"].components_  # noqa: B018
    with pytest.raises(
        AttributeError, match="^'GSMTopicModel' object has no attribute 'transfrom'$"
    ):
        fitted["gsm"].transfrom  # noqa: B018
    assert np.isfinite(fitted["gsm"].transform(corpus.data)).all()


# --- modules ------------------------------------------------------------------------


def test_public_modules_are_there_after_import_without_being_loaded():
    code = (
        "import sys, skvae; assert 'skvae.plotting' not in sys.modules; "
        f"assert {{*{PUBLIC_MODULES[1:]}}} <= {{f'skvae.{{m}}' for m in dir(skvae)}}; "
        "skvae.plotting.TopicWordsDisplay, skvae.model_selection.compare_models; "
        "assert 'matplotlib' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(AttributeError, match="'skvae' has no attribute 'topics'"):
        skvae.topics  # noqa: B018
