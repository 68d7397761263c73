"""Embeddings beside X: what they tell, who sees them, and where they travel."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
from helpers import (
    MODELS,
    TOPIC_MODELS,
    digest,
    each_model,
    make,
    through_file,
    through_joblib,
)
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_selector
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer

import skvae
from skvae import ClusterTopicModel, GSMTopicModel, NVDMTopicModel, VAETransformer
from skvae.export import model_card, to_onnx
from skvae.inspection import (
    document_embeddings,
    embedding_map,
    most_similar,
    representative_documents,
    to_topicwizard,
    topic_sizes,
)
from skvae.metrics import document_completion_perplexity
from skvae.model_selection import compare_models
from skvae.plotting import EmbeddingMapDisplay, TopicDocumentsDisplay
from skvae.shards import Shards, write_shards

N_WORDS, WIDTH = 9, 4


@pytest.fixture(scope="module")
def small():
    """40 rows of counts with vectors beside, in single precision as encoders' are."""
    rng = np.random.default_rng(0)
    X = rng.poisson(1.0, (40, N_WORDS)).astype(float)
    return X, rng.normal(size=(40, WIDTH)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted(small):
    X, E = small
    return {cls: make(cls).fit(X, embeddings=E) for cls in MODELS}


@pytest.fixture(scope="module")
def planted():
    """Documents of 3 words, each of one of 4 topics of 10 words, which vectors tell."""
    rng = np.random.default_rng(0)
    topic = rng.integers(4, size=1200)
    words = 10 * topic[:, None] + rng.integers(10, size=(1200, 3))
    anywhere = rng.random(words.shape) < 0.4
    words[anywhere] = rng.integers(40, size=anywhere.sum())
    X = np.zeros((1200, 40))
    np.add.at(X, (np.arange(1200)[:, None], words), 1)
    E = np.eye(4)[topic] @ rng.normal(size=(4, 16)) + rng.normal(size=(1200, 16)) / 3
    return sp.csr_array(X), E, topic


# --- what they tell ---------------------------------------------------------------


@pytest.mark.parametrize("cls", TOPIC_MODELS[1:])
def test_they_tell_what_few_words_do_not(cls, planted):
    X, E, topic = planted
    model = cls(4, hidden_layer_sizes=(32,), batch_size=200, random_state=0)
    blind = clone(model).fit(X[:800]).transform(X[800:])
    model.fit(X[:800], embeddings=E[:800])
    seeing = model.transform(X[800:], embeddings=E[800:])
    # Documents without any word that was counted, as those in another language.
    alone = model.transform(sp.csr_array(X[800:].shape), embeddings=E[800:])
    agreement = [
        adjusted_rand_score(topic[800:], codes.argmax(axis=1))
        for codes in (blind, seeing, alone)
    ]
    # Two words in five mislead, and embeddings do not.
    assert agreement[0] < 0.7 < 0.8 < agreement[1] < agreement[2]


@each_model
def test_the_encoder_alone_sees_them(cls, small, fitted):
    X, E = small
    model = fitted[cls]
    codes = model.transform(X, embeddings=E)
    assert not np.allclose(codes, model.transform(X, embeddings=E[::-1]))
    module = model.net_.module_
    plain = make(cls).fit(X).net_.module_
    for part in ("decoder", "prior", "link"):
        shapes, expected = (
            {key: w.shape for key, w in getattr(m, part).state_dict().items()}
            for m in (module, plain)
        )
        assert shapes == expected
    assert model.inverse_transform(codes).shape == X.shape
    assert model.sample(3, random_state=0).shape == (3, N_WORDS)


@each_model
def test_place_and_unit_of_them_do_not_matter(cls, small, fitted):
    X, E = small
    codes = fitted[cls].transform(X, embeddings=E)
    scaled, moved = 1024 * E, E.astype(float) - 7
    model = make(cls).fit(X, embeddings=scaled)
    np.testing.assert_array_equal(model.transform(X, embeddings=scaled), codes)
    model = make(cls).fit(X, embeddings=moved)
    np.testing.assert_allclose(model.transform(X, embeddings=moved), codes, atol=0.02)


@each_model
def test_constant_ones_tell_nothing(cls, small):
    X, E = small
    model = make(cls).fit(X, embeddings=np.ones_like(E))
    assert np.isfinite(model.score(X, embeddings=np.ones_like(E)))


# --- columns of X -----------------------------------------------------------------

NAMES = [*(f"w{j}" for j in range(N_WORDS)), *(f"e{j}" for j in range(WIDTH))]
COLUMNS = {
    "slice": slice(-WIDTH, None),
    "numbers": list(range(N_WORDS, N_WORDS + WIDTH)),
    "negative numbers": [-4, -3, -2, -1],
    "mask": np.arange(N_WORDS + WIDTH) >= N_WORDS,
    "function": lambda X: slice(N_WORDS, None),
}


def together(X, E):
    return np.hstack([X, E])


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, np.ndarray.tolist])
def test_columns_of_X_are_as_embeddings_beside_it(columns, container, small, fitted):
    X, E = small
    Z = container(together(X, E))
    model = make(GSMTopicModel, embedding_columns=columns).fit(Z)
    assert digest(model) == digest(fitted[GSMTopicModel])
    expected = fitted[GSMTopicModel].transform(X, embeddings=E)
    np.testing.assert_array_equal(model.transform(Z), expected)
    # And both ways for the same model.
    np.testing.assert_array_equal(model.transform(X, embeddings=E), expected)
    assert model.n_features_in_ == N_WORDS
    assert model.components_.shape == (2, N_WORDS)


@each_model
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
@pytest.mark.parametrize("columns", [NAMES[-WIDTH:], slice(N_WORDS, None)])
def test_columns_of_frames(frame, columns, cls, small, fitted):
    X, E = small
    Z = frame(dict(zip(NAMES, together(X, E).T)))
    model = make(cls, embedding_columns=columns).fit(Z)
    assert model.feature_names_in_.tolist() == NAMES[:N_WORDS]
    assert model.embedding_names_.tolist() == NAMES[N_WORDS:]
    np.testing.assert_allclose(
        model.transform(Z), fitted[cls].transform(X, embeddings=E), atol=1e-5
    )
    wrong = frame(dict(zip([*NAMES[:-1], "f0"], together(X, E).T)))
    with pytest.raises(ValueError, match="e3|f0"):
        model.transform(wrong)


def test_columns_by_a_selector(small):
    X, E = small
    Z = pd.DataFrame(together(X, E), columns=NAMES)
    selector = make_column_selector(pattern="^e")
    model = make(GSMTopicModel, embedding_columns=selector).fit(Z)
    assert model.embedding_names_.tolist() == NAMES[N_WORDS:]


@pytest.mark.parametrize(
    "columns", [slice(0, None), slice(5, 5), [], [99], ["e0"], [0.5], "e", lambda X: X]
)
@pytest.mark.parametrize("cls", [GSMTopicModel, ClusterTopicModel])
def test_unusable_columns_are_refused(columns, cls, small):
    model = make(GSMTopicModel, embedding_columns=columns)
    if cls is ClusterTopicModel:
        model = ClusterTopicModel(2, estimator=model)
    with pytest.raises(ValueError, match="'embedding_columns' parameter of"):
        model.fit(together(*small))
    assert not hasattr(model, "n_features_in_")


# --- bad input --------------------------------------------------------------------


def poisoned(E, value):
    E = E.copy()
    E[3, 1] = value
    return E


BAD = {
    "width": (lambda E: E[:, :3], ValueError, "3 numbers a row, but was fitted with 4"),
    "rows": (lambda E: E[:7], ValueError, "7 rows, but X has 40"),
    "NaN": (lambda E: poisoned(E, np.nan), ValueError, "embeddings contains NaN"),
    "infinity": (lambda E: poisoned(E, np.inf), ValueError, "embeddings contains inf"),
    "huge": (lambda E: poisoned(E.astype(float), 1e39), ValueError, "embeddings .*too"),
    "one dimension": (lambda E: E[:, 0], ValueError, "Expected 2D array"),
    "three": (lambda E: E[:, :, None], ValueError, "dim"),
    "sparse": (sp.csr_array, TypeError, "takes dense embeddings"),
    "words": (lambda E: E.astype(str), ValueError, "words or dates"),
    "missing": (lambda E: None, ValueError, "fitted with embeddings of 4 numbers"),
}


@each_model
@pytest.mark.parametrize("spoil, error, match", BAD.values(), ids=BAD)
def test_bad_embeddings_are_refused(spoil, error, match, cls, small, fitted):
    X, E = small
    model = fitted[cls]
    before = digest(model)
    warm = clone(model).set_params(warm_start=True).fit(X, embeddings=E)
    for method in (
        model.transform,
        model.score,
        model.posterior,
        model.score_samples,
        model.partial_fit,
        warm.fit,
    ):
        with pytest.raises(error, match=match):
            method(X, embeddings=spoil(E))
    assert digest(model) == before
    if match[0].isdigit() and "rows" not in match or spoil(E) is None:
        return  # which a first fit cannot know
    unfitted = make(cls)
    with pytest.raises(error, match=match):
        unfitted.fit(X, embeddings=spoil(E))
    assert not hasattr(unfitted, "net_")


@each_model
def test_embeddings_are_refused_after_a_fit_without(cls, small):
    X, E = small
    model = make(cls).fit(X)
    with pytest.raises(ValueError, match="fitted without embeddings"):
        model.transform(X, embeddings=E)
    with pytest.raises(ValueError, match="fitted without embeddings"):
        model.partial_fit(X, embeddings=E)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_names_of_embeddings_are_remembered(frame, small):
    X, E = small
    table = frame(dict(zip("abcd", E.T)))
    model = make(GSMTopicModel).fit(X, embeddings=table)
    assert model.embedding_names_.tolist() == list("abcd")
    codes = model.transform(X, embeddings=table)
    np.testing.assert_array_equal(model.transform(X, embeddings=E), codes)
    with pytest.raises(ValueError, match="Column 2 of embeddings is 'd', .* 'c'"):
        model.transform(X, embeddings=frame(dict(zip("abdc", E.T))))
    assert not hasattr(model.fit(X, embeddings=E), "embedding_names_")
    assert not hasattr(model.fit(X), "embedding_names_")


# --- one way and another ----------------------------------------------------------


@each_model
def test_fits_are_deterministic_and_go_on(cls, small, fitted):
    X, E = small
    model = make(cls)
    for _ in range(3):
        model.partial_fit(X, embeddings=E)
    assert digest(model) == digest(fitted[cls])
    codes = make(cls).fit_transform(X, embeddings=E)
    np.testing.assert_array_equal(codes, model.transform(X, embeddings=E))


@each_model
@pytest.mark.parametrize("copy", [through_file, through_joblib])
def test_files_and_pickles_keep_them(cls, copy, small, fitted):
    X, E = small
    with config_context(enable_metadata_routing=True):
        model = make(cls, embedding_columns=slice(-WIDTH, None))
        model.set_transform_request(embeddings=True)
        model.fit(pd.DataFrame(together(X, E), columns=NAMES))
        loaded = copy(model)
        requests = loaded.get_metadata_routing().transform.requests
    assert requests["embeddings"] is True
    assert loaded.embedding_columns == slice(-WIDTH, None)
    assert loaded.embedding_names_.tolist() == NAMES[-WIDTH:]
    X = pd.DataFrame(X, columns=NAMES[:N_WORDS])
    np.testing.assert_array_equal(
        loaded.transform(X, embeddings=E), model.transform(X, embeddings=E)
    )
    again = [m.partial_fit(X, embeddings=E) for m in (loaded, model)]
    assert digest(again[0]) == digest(again[1])


def test_files_hold_columns_by_name_and_mask_but_no_functions(small, tmp_path):
    X, E = small
    for columns in ([-4, -3, -2, -1], COLUMNS["mask"]):
        model = make(GSMTopicModel, embedding_columns=columns).fit(together(X, E))
        loaded = through_file(model)
        np.testing.assert_array_equal(loaded.embedding_columns, columns)
    model = make(GSMTopicModel, embedding_columns=COLUMNS["function"])
    model.fit(together(X, E))
    with pytest.raises(TypeError, match="embedding_columns"):
        model.save(tmp_path / "model")


def test_memory_maps_beside_shards(small, fitted, tmp_path):
    X, E = small
    np.save(tmp_path / "E.npy", E)
    write_shards([X[:25], X[25:]], tmp_path / "shards")
    mapped = np.load(tmp_path / "E.npy", mmap_mode="r")
    model = make(GSMTopicModel).fit(Shards(tmp_path / "shards"), embeddings=mapped)
    assert digest(model) == digest(fitted[GSMTopicModel])
    columns = make(GSMTopicModel, embedding_columns=[0])
    with pytest.raises(TypeError, match="no embedding_columns of Shards"):
        columns.fit(Shards(tmp_path / "shards"))


def test_metadata_routing(small):
    X, E = small
    with config_context(enable_metadata_routing=True):
        model = make(GSMTopicModel)
        model.set_fit_request(embeddings=True).set_score_request(embeddings=True)
        model.set_transform_request(embeddings=True)
        pipeline = make_pipeline(FunctionTransformer(validate=True), model)
        pipeline.fit(X, embeddings=E)
        codes = pipeline.transform(X, embeddings=E)
        search = GridSearchCV(pipeline, {"gsmtopicmodel__n_components": [1, 2]}, cv=2)
        search.fit(X, embeddings=E)
        scores = cross_val_score(model, X, cv=2, params={"embeddings": E})
    expected = make(GSMTopicModel).fit(X, embeddings=E).transform(X, embeddings=E)
    np.testing.assert_array_equal(codes, expected)
    found = search.cv_results_["mean_test_score"]
    assert found[1] == pytest.approx(scores.mean(), rel=1e-9)
    assert np.isfinite(found).all()


class Letters(TransformerMixin, BaseEstimator):
    """A sentence encoder: the shares of letters, whatever the words."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.array([[t.count(c) / (len(t) + 1) for c in "abcdefgh"] for t in X])

    def get_feature_names_out(self, names=None):
        return np.array(list("abcdefgh"), dtype=object)


@pytest.fixture(scope="module")
def texts():
    rng = np.random.default_rng(0)
    words = [["cab", "bad", "dab", "bed"], ["hug", "egg", "fog", "huge"]]
    return [" ".join(rng.choice(words[i % 2], size=7)) for i in range(60)]


@pytest.fixture(scope="module")
def pipeline(texts):
    """From raw texts to topics, without routing."""
    model = make(GSMTopicModel, embedding_columns=slice(-8, None), max_epochs=20)
    return make_pipeline(make_union(CountVectorizer(), Letters()), model).fit(texts)


def test_pipelines_of_texts_need_no_routing(texts, pipeline):
    counts, E = CountVectorizer().fit_transform(texts), Letters().transform(texts)
    model = make(GSMTopicModel, max_epochs=20).fit(counts, embeddings=E)
    np.testing.assert_array_equal(
        pipeline.transform(texts), model.transform(counts, embeddings=E)
    )
    grid = {"gsmtopicmodel__n_components": [1, 2]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(texts)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


# --- completion: halves -----------------------------------------------------------


def test_completion_takes_embeddings_of_first_halves_alone(small, fitted):
    X, E = small
    model = fitted[GSMTopicModel]
    with pytest.raises(ValueError, match="embeddings.* of whole documents tell"):
        document_completion_perplexity(model, X, embeddings=E)
    with pytest.raises(ValueError, match="needs them here"):
        document_completion_perplexity(model, X)
    rng = np.random.default_rng(1)
    first = rng.binomial(X.astype(int), 0.5)
    second = X - first
    found = document_completion_perplexity(model, first, embeddings=E, held_out=second)
    p = model.inverse_transform(model.transform(first, embeddings=E))
    assert found == pytest.approx(np.exp(-(second * np.log(p)).sum() / second.sum()))
    with pytest.raises(ValueError, match=r"held_out has the shape \(39, 9\)"):
        document_completion_perplexity(model, first, embeddings=E, held_out=second[1:])
    # For any model: LDA too.
    lda = LatentDirichletAllocation(2, max_iter=1, random_state=0).fit(X)
    p = lda.transform(first) @ (lda.components_ / lda.components_.sum(1)[:, None])
    found = document_completion_perplexity(lda, first, held_out=second)
    assert found == pytest.approx(np.exp(-(second * np.log(p)).sum() / second.sum()))


def test_models_are_compared_on_halves_of_texts(texts, pipeline):
    lda = make_pipeline(CountVectorizer(), LatentDirichletAllocation(2, max_iter=2))
    table, models = compare_models(
        {"GSM": pipeline, "LDA": lda},
        texts[:40],
        X_test=texts[40:],
        return_estimator=True,
    )
    halves = [
        [" ".join(text.split()[part]) for text in texts[40:]]
        for part in (slice(3), slice(3, None))
    ]
    for name, (model,) in models.items():
        found = document_completion_perplexity(model, halves[0], held_out=halves[1])
        assert table.loc[name, "perplexity"] == pytest.approx(found)
    # Those of whole documents would tell.
    with pytest.raises(ValueError, match="held_out"):
        document_completion_perplexity(pipeline, texts)


def test_compared_by_counts_they_have_no_perplexity(small):
    model = make(GSMTopicModel, embedding_columns=slice(-WIDTH, None))
    table = compare_models({"GSM": model}, together(*small), y=np.arange(40) % 2)
    assert np.isnan(table.loc["GSM", "perplexity"])
    assert np.isfinite(table.loc["GSM", ["npmi", "nmi"]].to_numpy(float)).all()


# --- readers ----------------------------------------------------------------------

READERS = {
    "sizes": topic_sizes,
    "space": document_embeddings,
    "documents": representative_documents,
    "map": lambda m, X, **given: embedding_map(m, X, feature_names=NAMES[:9], **given),
    "by number": lambda m, X, **given: most_similar(
        m, document=3, among="documents", X=X, **given
    ),
    "classes": lambda m, X, **given: (
        TopicDocumentsDisplay.from_estimator(m, X, np.arange(40) % 2, **given).shares
    ),
    "drawn map": lambda m, X, **given: (
        EmbeddingMapDisplay.from_estimator(
            m, X, feature_names=NAMES[:9], **given
        ).points
    ),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("cls", [GSMTopicModel, ClusterTopicModel])
def test_readers_take_them_beside_or_within(read, cls, small):
    X, E = small
    models = [make(GSMTopicModel, embedding_columns=c) for c in (None, slice(9, None))]
    if cls is ClusterTopicModel:
        models = [cls(2, estimator=model, random_state=0) for model in models]
    beside = read(models[0].fit(X, embeddings=E), X, embeddings=E)
    within = read(models[1].fit(together(X, E)), together(X, E))
    np.testing.assert_array_equal(np.asarray(within), np.asarray(beside))
    with pytest.raises(ValueError, match="needs them here"):
        read(models[0], X)
    lda = LatentDirichletAllocation(2, max_iter=1).fit(X)
    with pytest.raises(ValueError, match="LatentDir.* knows no embeddings"):
        read(lda, X, embeddings=E)


def test_a_document_of_its_own(small, fitted):
    X, E = small
    model = fitted[GSMTopicModel]
    found = most_similar(model, document=X[3], among="topics", embeddings=E[3:4])
    expected = most_similar(model, document=3, among="topics", X=X, embeddings=E)
    pd.testing.assert_frame_equal(found, expected)


def test_viewers_take_columns(small):
    Z = together(*small)
    model = make(GSMTopicModel, embedding_columns=slice(9, None)).fit(Z)
    texts = [f"text {i}" for i in range(40)]
    told = to_topicwizard(model, Z, texts, feature_names=NAMES[:9])
    kept = Z[:, :9].any(axis=1)
    np.testing.assert_allclose(
        told["document_topic_matrix"], model.transform(Z)[kept], rtol=1e-12
    )


def test_reports_and_cards(small, fitted, texts, pipeline, tmp_path):
    X, E = small
    given = {"embeddings": E, "X_test": X[:20], "embeddings_test": E[:20]}
    path = skvae.report(
        fitted[GSMTopicModel],
        X,
        path=tmp_path / "report.html",
        feature_names=NAMES[:9],
        y=np.arange(20) % 2,
        **given,
    )
    assert "4 numbers a row" in path.read_text()
    skvae.report(pipeline, texts, path=tmp_path / "texts.html")
    del given["embeddings"]
    card = model_card(fitted[GSMTopicModel], **given)
    assert "4 numbers a row" in card
    assert "score" in model_card(fitted[VAETransformer], **given)
    with pytest.raises(ValueError, match="fitted with embeddings"):
        to_onnx(fitted[GSMTopicModel], tmp_path / "graph")


# --- models of their own kind -----------------------------------------------------


def test_clusters_of_codes_with_embeddings(planted):
    X, E, topic = planted
    estimator = NVDMTopicModel(4, hidden_layer_sizes=(32,), batch_size=200)
    model = ClusterTopicModel(4, estimator=estimator, random_state=0)
    estimator.set_params(random_state=0)
    labels = model.fit_predict(X, embeddings=E)
    blind = clone(model).fit_predict(X)
    assert adjusted_rand_score(topic, blind) + 0.2 < adjusted_rand_score(topic, labels)
    shares = model.transform(X, embeddings=E)
    np.testing.assert_array_equal(model.predict(X, embeddings=E), shares.argmax(axis=1))
    np.testing.assert_array_equal(clone(model).fit_transform(X, embeddings=E), shares)
    assert np.isfinite(model.score(X))
    with pytest.raises(ValueError, match="needs them here"):
        model.predict(X)


def test_clusters_know_covariates_too(small):
    X, _ = small
    labels = np.array(["a", "b"])[np.arange(40) % 2]
    model = ClusterTopicModel(2, estimator=make(GSMTopicModel), random_state=0)
    shares = model.fit_transform(X, covariates=labels)
    np.testing.assert_array_equal(model.transform(X, covariates=labels), shares)
    assert document_completion_perplexity(model, X, covariates=labels) > 1


def test_rows_of_autoencoders(small, fitted):
    X, E = small
    model = fitted[VAETransformer]
    codes = model.transform(X, embeddings=E)
    np.testing.assert_array_equal(
        model.reconstruct(X, embeddings=E), model.inverse_transform(codes)
    )
    path = model.interpolate(X[0], X[1], 2, embeddings=E[:2])
    np.testing.assert_allclose(path, model.inverse_transform(codes[:2]), rtol=1e-6)
    with pytest.raises(ValueError, match="5 rows, but X has 2"):
        model.interpolate(X[0], X[1], embeddings=E[:5])


@pytest.mark.parametrize("conv", [False, True])
def test_networks_see_them_behind_x(conv, small):
    X, E = small
    params = {"architecture": "conv", "image_shape": (3, 3), "channels": (2,)}
    model = make(VAETransformer, **(params if conv else {}))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X, embeddings=E, covariates=np.arange(40) % 2)
    given = {"embeddings": E, "covariates": 1}
    assert not np.allclose(
        model.transform(X, **given),
        model.transform(X, covariates=1, embeddings=E[::-1]),
    )
