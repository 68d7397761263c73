"""Who types what other libraries call it is told what it is called here."""

import copy
import importlib
import inspect
import pickle
import re
from functools import partial

import numpy as np
import pytest
from helpers import PUBLIC_MODULES
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
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
    inspection,
    metrics,
)
from skvae.plotting import TopicHierarchyDisplay
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
        (ProdLDATopicModel, "alpha", "It is called 'concentration'"),
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


def test_public_modules_are_there_after_import(monkeypatch):
    for name in PUBLIC_MODULES[1:]:
        module = importlib.import_module(name)
        short = name.removeprefix("skvae.")
        monkeypatch.delattr(skvae, short)  # as it is where nobody has imported it
        assert short in dir(skvae) and getattr(skvae, short) is module
    with pytest.raises(AttributeError, match="'skvae' has no attribute 'topics'"):
        skvae.topics  # noqa: B018


# --- words, texts and images --------------------------------------------------------


READERS = {
    "GSMTopicModel": lambda model, feature_names: GSMTopicModel(
        feature_names=feature_names
    ).fit(np.eye(4)),
    "top_words": partial(inspection.top_words, n_words=2),
    "similar_words": partial(inspection.similar_words, word="cat", n_words=2),
    "topic_hierarchy": lambda model, **names: TopicHierarchyDisplay.from_estimator(
        model, **names
    ),
    "npmi_coherence": lambda model, feature_names: metrics.npmi_coherence(
        [["cat", "dog"]], np.eye(4), n_words=2, feature_names=feature_names
    ),
    "sliding_window_npmi": lambda model, feature_names: metrics.sliding_window_npmi(
        model, [["cat", "dog"]], n_words=2, feature_names=feature_names
    ),
}


@pytest.fixture(scope="module")
def counted():
    vectorizer = CountVectorizer().fit(["cat dog", "train bus"])
    lda = LatentDirichletAllocation(2, random_state=0).fit(np.eye(4))
    return vectorizer, lda


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["CountVectorizer", "dict"])
def test_a_vectorizer_is_not_its_words(reader, kind, counted):
    vectorizer, lda = counted
    given = {"CountVectorizer": vectorizer, "dict": vectorizer.vocabulary_}[kind]
    right = r"feature_names=vectorizer\.get_feature_names_out\(\)"
    with pytest.raises(TypeError, match=f"feature_names is of type {kind}.*{right}"):
        READERS[reader](lda, feature_names=given)


@pytest.mark.parametrize(
    "reader", [inspection.top_words, lambda m, w: inspection.similar_words(m, "cat", w)]
)
def test_words_are_no_number_of_words(reader, counted):
    vectorizer, lda = counted
    words = vectorizer.get_feature_names_out()
    for given in (words, list(words), vectorizer):
        kind = type(given).__name__
        text = f"n_words is of type {kind}, not a number.*feature_names=vectorizer"
        with pytest.raises(TypeError, match=text):
            reader(lda, given)


@pytest.mark.parametrize(
    "read",
    [
        metrics.npmi_coherence,
        metrics.document_completion_perplexity,
        lambda model, texts: metrics.unigram_perplexity(texts, texts),
    ],
)
def test_texts_of_readers_need_the_pipeline(read, fitted):
    with pytest.raises(ValueError, match="holds texts. Pass vectorizer.*Pipe"):
        read(fitted["gsm"], ["cat dog", "train"])


@pytest.mark.parametrize(
    "shape, right",
    [
        ((28, 28, 1), "(1, 28, 28)"),
        ((8, 8, 3), "(3, 8, 8)"),
    ],
)
def test_channels_last_is_told(shape, right):
    model = VAETransformer(architecture="conv", image_shape=shape)
    text = f"image_shape={shape}, with channels last. Pass channels first: {right}"
    with pytest.raises(ValueError, match=re.escape(text)):
        model.fit(np.zeros((3, np.prod(shape))))


def test_channels_may_be_many_and_images_narrow(rng):
    X = rng.normal(size=(8, 96))
    params = dict(architecture="conv", channels=2, max_epochs=1)
    VAETransformer(2, image_shape=(6, 16, 1), **params).fit(X)


def test_images_as_they_are_kept_elsewhere(rng):
    images = rng.integers(0, 256, (10, 4, 4))
    images[0, 0, 0] = 255
    images[0, 0, 1] = 0
    with pytest.raises(ValueError, match=r"dim 3, but VAE.*X\.reshape\(len\(X\), -1\)"):
        VAETransformer().fit(images)
    rows = images.reshape(10, -1)
    with pytest.raises(ValueError, match=r"from 0 to 255\. Scale X \(X / 255, or Min"):
        VAETransformer(likelihood="bernoulli").fit(rows)


def test_gaussian_images_may_be_of_any_unit():
    """Grey values up to 255 train as those up to 1 do, so that nothing is warned of."""
    X = load_digits().data[:300] / 16
    errors = []
    for unit in (1, 255):
        vae = VAETransformer(5, max_epochs=10, random_state=0).fit(unit * X)
        errors.append(np.square(vae.reconstruct(unit * X) / unit - X).mean())
    assert errors[1] == pytest.approx(errors[0], rel=1e-2)


def test_names_of_modules_are_found():
    with pytest.raises(AttributeError, match=r"It is skvae\.inspection\.top_words\.$"):
        getattr(skvae, "top_words")  # noqa: B009
    with pytest.raises(AttributeError, match="has no attribute 'nothing'$"):
        getattr(skvae, "nothing")  # noqa: B009
