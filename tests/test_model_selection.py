"""The table of models: its figures, its layout and what it leaves alone."""

import itertools
import time
import warnings
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning, FitFailedWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_info, threadpool_limits

from skvae import ClusterTopicModel, GSMTopicModel, NVDMTopicModel
from skvae.datasets import make_topic_corpus
from skvae.metrics import (
    document_completion_perplexity,
    label_alignment,
    npmi_coherence,
    topic_diversity,
    topic_stability,
    unigram_perplexity,
)
from skvae.model_selection import compare_models
from skvae.text import make_text_pipeline

AVERAGES = {"perplexity": "token", "doc_perplexity": "document"}
FIGURES = [*AVERAGES, "npmi", "npmi_test", "diversity", "active_units"]
FIGURES += ["fit_time", "transform_time"]
# The words of small topics may be missing from small corpora.
pytestmark = pytest.mark.filterwarnings("ignore:.*Top words never occur")


class Spy(LatentDirichletAllocation):
    """LDA that tells where it fails, what it warns of and what it uses."""

    def __init__(self, n_components=3, fails_with=(), max_iter=2, random_state=None):
        super().__init__(n_components, max_iter=max_iter, random_state=random_state)
        self.fails_with = fails_with

    def fit(self, X, y=None):
        if self.random_state in self.fails_with:
            raise RuntimeError("out of luck")
        for entropy in 3.1, 2.9:
            text = f"entropy {entropy + self.random_state}"
            warnings.warn(text, ConvergenceWarning)
        self.n_threads_ = {pool["num_threads"] for pool in threadpool_info()}
        self.health_ = {"active_units": 2 + self.random_state}
        return super().fit(X)


@pytest.fixture(scope="module")
def X():
    return make_topic_corpus(120, 40, 3, mean_length=40, random_state=0).data


@pytest.fixture(scope="module")
def texts(X):
    words = np.array([f"word{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(40)])
    return [" ".join(np.repeat(words, row)) for row in X.toarray()]


lda = partial(LatentDirichletAllocation, 3, max_iter=3)
nmf = partial(NMF, 3, init="nndsvda", max_iter=300)
gsm = partial(GSMTopicModel, 3, hidden_layer_sizes=(8,), max_epochs=3)
nvdm = partial(NVDMTopicModel, 3, hidden_layer_sizes=(8,), max_epochs=3)


def without_times(table):
    return table[[column for column in table if "_time" not in column]]


# Figures


def test_figures_are_those_of_the_metrics(X):
    models = {"LDA": lda(), "NMF": nmf(), "GSM": gsm(), "NVDM": nvdm()}
    train, test = X[:100], X[100:]
    table = compare_models(models, train, X_test=test, n_words=5)
    assert list(table.index) == ["unigram", *models]
    assert list(table.columns) == FIGURES
    for column, average in AVERAGES.items():
        expected = unigram_perplexity(train, test, average=average)
        assert table.loc["unigram", column] == expected
    for name, model in models.items():
        model = clone(model).set_params(random_state=0).fit(train)
        row = table.loc[name]
        for column, average in AVERAGES.items():
            expected = document_completion_perplexity(model, test, average=average)
            assert row[column] == expected
        assert row["npmi"] == npmi_coherence(model, train, n_words=5)
        assert row["npmi_test"] == npmi_coherence(model, test, n_words=5)
        assert row["diversity"] == topic_diversity(model, n_words=25)
        assert row["fit_time"] > 0 and row["transform_time"] > 0
    assert table.loc["unigram", "npmi":].isna().all()
    assert table.loc[["LDA", "NMF"], "active_units"].isna().all()


def test_side_data_go_to_the_models_that_know_them(X, rng):
    y = np.arange(X.shape[0]) % 3
    vectors = np.eye(3)[y] + 0.1 * rng.standard_normal((len(y), 3))
    models = {"LDA": lda(), "NVDM": nvdm(), "clusters": ClusterTopicModel(3)}
    given = compare_models(models, X, y, embeddings=vectors, covariates=y)
    parts = train_test_split(X, y, vectors, test_size=0.1, random_state=0)
    train, test, labels, test_labels, known, test_known = parts
    table = compare_models(
        models,
        train,
        X_test=test,
        y=test_labels,
        embeddings=known,
        embeddings_test=test_known,
        covariates=labels,
        covariates_test=test_labels,
    )
    pd.testing.assert_frame_equal(without_times(given), without_times(table))
    alone = compare_models({"LDA": lda()}, X, y)
    assert table.loc["LDA", "perplexity"] == alone.loc["LDA", "perplexity"]
    assert table["perplexity"].isna().tolist() == [False, False, True, True]
    by_hand = nvdm(random_state=0).fit(train, covariates=labels, embeddings=known)
    assert table.loc["NVDM", "npmi"] == npmi_coherence(by_hand, train)
    assert table.loc["clusters", "ari"] > table.loc["LDA", "ari"] + 0.1
    with pytest.raises(ValueError, match="Pass embeddings_test together with X_test"):
        compare_models(models, train, X_test=test, embeddings=known)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare_models(models, X, embeddings=known)


def test_side_data_of_texts(X, texts):
    y, vectors = np.arange(len(texts)) % 3, np.eye(3)[np.arange(len(texts)) % 3]
    pipelines = {"GSM": make_text_pipeline(gsm()), "LDA": make_text_pipeline(lda())}
    _, models = compare_models(
        pipelines, texts, covariates=y, embeddings=vectors, return_estimator=True
    )
    train, _, labels, _, known, _ = train_test_split(
        texts, y, vectors, test_size=0.1, random_state=0
    )
    side_data = {"topics__covariates": labels, "topics__embeddings": known}
    by_hand = make_text_pipeline(gsm(random_state=0)).fit(train, **side_data)
    np.testing.assert_array_equal(
        models["GSM"][0][-1].components_, by_hand[-1].components_
    )
    _, models = compare_models([2], texts, embeddings=vectors, return_estimator=True)
    assert type(models["2 topics"][0][-1]) is ClusterTopicModel
    with pytest.raises(ValueError, match="None of the models takes embeddings"):
        compare_models({"LDA": pipelines["LDA"]}, texts, embeddings=vectors)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        halves = {"X_test": texts[:9], "embeddings_test": vectors[:8]}
        compare_models(pipelines, texts, embeddings=vectors, **halves)


def test_numbers_of_topics(X, texts):
    table, models = compare_models([2, 3], X, return_estimator=True)
    assert list(table.index) == ["unigram", "2 topics", "3 topics"]
    assert type(models["2 topics"][0]) is GSMTopicModel
    vectors = X.toarray()[:, :5] / 3
    _, models = compare_models([2], X, embeddings=vectors, return_estimator=True)
    assert len(models["2 topics"][0].components_) == 2
    assert type(models["2 topics"][0]) is ClusterTopicModel
    _, models = compare_models([2], texts, return_estimator=True)
    assert type(models["2 topics"][0][0]).__name__ == "TextVectorizer"


def test_alignment_is_that_of_held_out_documents_by_default_a_tenth(X):
    y = np.arange(X.shape[0]) % 3
    models = {"LDA": lda(), "NVDM": nvdm()}
    train, test, _, labels = train_test_split(X, y, test_size=0.1, random_state=0)
    table = compare_models(models, train, X_test=test, y=labels)
    for given in (compare_models(models, X, y=y), compare_models(models, X, y)):
        pd.testing.assert_frame_equal(without_times(given), without_times(table))
    model = clone(models["LDA"]).set_params(random_state=0).fit(train)
    expected = label_alignment(labels, model.transform(test))
    for name in ("purity", "p1", "nmi", "ari"):
        assert table.loc["LDA", name] == expected[name]
        assert np.isnan(table.loc["NVDM", name])  # axes are no topics
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        compare_models(models, X, y=y[1:])


def test_means_and_spreads_are_over_the_seeds(X):
    table, fitted = compare_models(
        {"LDA": lda(), "spy": Spy()}, X, n_seeds=3, return_estimator=True
    )
    spreads = [f"{column}_std" for column in FIGURES]
    assert list(table.columns) == [*FIGURES, "stability", "doc_stability", *spreads]
    assert [model.random_state for model in fitted["LDA"]] == [0, 1, 2]
    diversities = [topic_diversity(model) for model in fitted["LDA"]]
    row = table.loc["LDA"]
    assert row["diversity"] == pytest.approx(np.mean(diversities))
    assert row["diversity_std"] == pytest.approx(np.std(diversities, ddof=1))
    _, test = train_test_split(X, test_size=0.1, random_state=0)
    words, documents = [], []
    for a, b in itertools.combinations(fitted["LDA"], 2):
        words.append(topic_stability(a, b))
        topics = [model.transform(test).argmax(axis=1) for model in (a, b)]
        documents.append(adjusted_rand_score(*topics))
    assert row["stability"] == pytest.approx(np.mean(words))
    assert row["doc_stability"] == pytest.approx(np.mean(documents))
    assert table.loc["unigram", ["stability", "doc_stability"]].isna().all()
    assert table.loc["spy", "active_units"] == 3
    assert table.loc["spy", "active_units_std"] == 1


def test_seeds_are_those_of_a_call_for_one_seed(X):
    """The first of three seeds is the seed of a single run."""
    _, one = compare_models({"GSM": gsm()}, X, return_estimator=True)
    _, two = compare_models({"GSM": gsm()}, X, n_seeds=2, return_estimator=True)
    np.testing.assert_array_equal(one["GSM"][0].components_, two["GSM"][0].components_)
    assert (one["GSM"][0].components_ != two["GSM"][1].components_).any()


def test_models_that_learn_nothing_are_named(X):
    """There is nothing to learn from words drawn at random."""
    noise = np.random.default_rng(0).poisson(0.1, (150, 60))
    models = {
        "LDA": LatentDirichletAllocation(5, random_state=0),
        "NMF": NMF(2, random_state=0),
    }
    with pytest.warns(ConvergenceWarning, match="no better than word freq") as caught:
        table = compare_models(models, noise)
    told = [str(warning.message) for warning in caught if "no better" in str(warning)]
    assert len(told) == 1
    for name in ["unigram", "LDA", "NMF"]:
        assert f"{table.loc[name, 'perplexity']:.4g}" in told[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        compare_models({"LDA": LatentDirichletAllocation(3, random_state=0)}, X)
    assert not [warning for warning in caught if "no better" in str(warning)]


@pytest.mark.slow
def test_other_models_and_processes_do_not_change_figures(X):
    models = {"NMF": nmf(), "GSM": gsm(), "LDA": lda()}
    table = without_times(compare_models(models, X, n_seeds=2))
    reverse = dict(reversed(models.items()))
    other = without_times(compare_models(reverse, X, n_seeds=2, n_jobs=2))
    assert list(other.index) == ["unigram", *reverse]
    pd.testing.assert_frame_equal(other.loc[table.index], table)


def test_small_vocabularies_rank_all_their_words():
    X = make_topic_corpus(60, 6, 2, random_state=0).data
    table = compare_models({"LDA": lda()}, X)
    assert table.loc["LDA", "diversity"] == pytest.approx(1 / 3)


# What it takes


def test_texts_through_pipelines_give_the_figures_of_their_counts(X, texts):
    vectorizer = CountVectorizer()
    models = {"LDA": lda(), "GSM": gsm()}
    pipelines = {name: make_pipeline(vectorizer, models[name]) for name in models}
    table = compare_models(pipelines, texts)
    expected = compare_models(models, vectorizer.fit_transform(texts))
    pd.testing.assert_frame_equal(without_times(table), without_times(expected))


def test_searches_are_compared_by_their_best_estimator(X):
    search = GridSearchCV(lda(), {"n_components": [2, 4]}, cv=2)
    _, fitted = compare_models({"search": search}, X, n_seeds=2, return_estimator=True)
    best = [model.best_estimator_ for model in fitted["search"]]
    assert [model.random_state for model in best] == [0, 1]


def test_nested_random_states_are_set(texts):
    nested = GridSearchCV(
        make_pipeline(CountVectorizer(), make_pipeline(lda(random_state=5))),
        {"pipeline__latentdirichletallocation__n_components": [2]},
        cv=2,
    )
    _, fitted = compare_models({"nested": nested}, texts, return_estimator=True)
    (search,) = fitted["nested"]
    params = search.get_params()
    assert {params[name] for name in params if name.endswith("random_state")} == {0}


@pytest.mark.parametrize(
    "vectorizer, n_jobs",
    [(CountVectorizer(max_features=20), 1), (CountVectorizer(binary=True), 2)],
)
def test_different_counts_do_not_compare(vectorizer, n_jobs, texts):
    models = {
        "all": make_pipeline(CountVectorizer(), lda()),
        "some": make_pipeline(vectorizer, lda()),
    }
    with pytest.raises(ValueError, match="all and some count .* same vectorizer"):
        compare_models(models, texts, n_seeds=3, n_jobs=n_jobs)


def test_order_of_the_words_does_not_matter(texts):
    words = CountVectorizer().fit(texts).get_feature_names_out()
    models = {
        "ascending": make_pipeline(CountVectorizer(), lda()),
        "descending": make_pipeline(CountVectorizer(vocabulary=words[::-1]), lda()),
    }
    assert compare_models(models, texts).notna()["perplexity"].all()


@pytest.mark.parametrize(
    "models, error, message",
    [
        ([lda()], TypeError, "not a dict of estimators"),
        ({}, TypeError, "not a dict of estimators"),
        ({"LDA": LatentDirichletAllocation}, TypeError, r"models\['LDA'\] is <class"),
        ({"LDA": None}, TypeError, r"models\['LDA'\] is None"),
        ({"unigram": lda()}, ValueError, "Rename that model"),
    ],
)
def test_models_are_named_estimators(models, error, message, X):
    with pytest.raises(error, match=message):
        compare_models(models, X)


def test_texts_are_refused_once_where_nobody_counts_them(texts):
    counted = make_pipeline(CountVectorizer(), lda())
    told = r"models\['GSM'\] takes counts. Pass Pipelines"
    with pytest.raises(ValueError, match=told):
        compare_models({"LDA": counted, "GSM": gsm()}, texts)


@pytest.mark.parametrize("name, value", [("n_seeds", 0), ("n_words", 1)])
def test_numbers_are_checked(name, value, X):
    with pytest.raises(ValueError, match=name):
        compare_models({"LDA": lda()}, X, **{name: value})


# Failures and warnings


def test_a_model_that_fails_is_a_row_of_nan_and_a_warning(X):
    models = {"bad": lda(learning_decay=-1), "LDA": lda()}
    with pytest.warns(FitFailedWarning, match="bad failed .*learning_decay"):
        table, fitted = compare_models(models, X, return_estimator=True)
    assert table.loc["bad"].isna().all()
    assert fitted["bad"] == [None]
    expected = compare_models({"LDA": lda()}, X)
    pd.testing.assert_frame_equal(
        without_times(table.drop("bad")), without_times(expected)
    )


def test_a_seed_that_fails_is_left_out_of_the_means(X):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        table = compare_models({"spy": Spy(fails_with=(1, 3))}, X, n_seeds=4)
    failures = [w for w in told if w.category is FitFailedWarning]
    assert len(failures) == 2
    assert "spy failed with random_state=1" in str(failures[0].message)
    assert "RuntimeError: out of luck" in str(failures[0].message)
    assert table.loc["spy", "active_units"] == 3  # of 2 and 4
    assert table.loc["spy", "active_units_std"] == pytest.approx(np.sqrt(2))


def test_an_error_tells_why_if_all_fits_fail(X):
    models = {"a": Spy(fails_with=(0,)), "b": Spy(fails_with=(0,))}
    with pytest.warns(FitFailedWarning):
        with pytest.raises(ValueError, match="a with RuntimeError: out of luck"):
            compare_models(models, X)


def test_weights_that_are_no_counts_fail_with_what_to_do(texts):
    models = {
        "tf-idf": make_pipeline(TfidfVectorizer(), nmf()),
        "counts": make_pipeline(CountVectorizer(), nmf()),
    }
    with pytest.warns(FitFailedWarning, match="tf-idf failed .* Pass counts"):
        table = compare_models(models, texts)
    assert table.index.tolist() == ["unigram", "tf-idf", "counts"]
    assert table["perplexity"].notna().tolist() == [True, False, True]


def test_interrupts_are_no_failures(X):
    class Interrupted(Spy):
        def fit(self, X, y=None):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_models({"LDA": lda(), "interrupted": Interrupted()}, X)


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_models_warn_by_name_and_not_for_each_seed(X, n_jobs):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        compare_models({"a": Spy(), "b": Spy()}, X, n_seeds=3, n_jobs=n_jobs)
    told = [w for w in told if w.category is ConvergenceWarning]
    expected = [f"{name}: entropy {value}" for name in "ab" for value in (2.9, 3.1)]
    assert sorted(str(w.message) for w in told) == expected
    assert {w.filename for w in told} == {__file__}  # the line that called


# What it leaves alone


def test_estimators_documents_and_global_generators_stay_as_they_are(X):
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    models = {"GSM": gsm(random_state=np.random.RandomState(1)), "NMF": nmf()}
    models["LDA"] = lda()
    before = {name: repr(vars(model)) for name, model in models.items()}
    copy = X.copy()
    compare_models(models, X, n_seeds=2)
    assert {name: repr(vars(model)) for name, model in models.items()} == before
    state = models["GSM"].random_state
    assert state.randint(1000) == np.random.RandomState(1).randint(1000)
    assert (X != copy).nnz == 0
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)
    assert torch.equal(torch.get_rng_state(), torch_state)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.FitFailedWarning")
@pytest.mark.parametrize("fails_with", [(), (1,)])
def test_fits_have_one_thread_and_the_caller_keeps_theirs(X, fails_with):
    with threadpool_limits(2):
        before = threadpool_info()
        torch_before = torch.get_num_threads()
        _, fitted = compare_models(
            {"spy": Spy(fails_with=fails_with)}, X, n_seeds=2, return_estimator=True
        )
        assert threadpool_info() == before
        assert torch.get_num_threads() == torch_before == 2
    assert fitted["spy"][0].n_threads_ == {1}


def test_times_are_cpu_seconds(X):
    class Sleepy(Spy):
        def fit(self, X, y=None):
            time.sleep(0.5)
            return super().fit(X)

    table = compare_models({"sleepy": Sleepy()}, X)
    assert 0 < table.loc["sleepy", "fit_time"] < 0.5


def test_silent_unless_asked_for_progress(X, capfd):
    compare_models({"LDA": lda(), "GSM": gsm()}, X, n_seeds=2)
    assert capfd.readouterr() == ("", "")
    compare_models({"LDA": lda(), "GSM": gsm()}, X, n_seeds=2, verbose=1)
    out, err = capfd.readouterr()
    assert out == ""
    assert "4/4" in err
