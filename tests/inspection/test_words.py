"""Words that come first, by their names."""

import numpy as np
import pandas as pd
import pytest
from helpers import Oracle
from sklearn.decomposition import NMF, PCA, LatentDirichletAllocation
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skvae import NVDMTopicModel
from skvae.inspection import (
    embedding_map,
    most_similar,
    similar_words,
    term_scores,
    to_topicwizard,
    top_words,
)
from skvae.inspection.words import rank_words
from skvae.models.fitted import FittedTopics

TEXTS = ["dog dog cat", "cat dog dog", "train bus train"]


def test_words_are_sorted_by_weight_then_by_column():
    model = Oracle([[0.0, 2.0, -1.0, 2.0, 3.0], [-5.0, -1.0, -3.0, 0.0, 0.0]])
    words = top_words(model.fit(None), 4, feature_names=list("abcde"))
    expected = pd.DataFrame(
        [list("ebda"), list("debc")], index=["topic 0", "topic 1"], columns=range(4)
    )
    pd.testing.assert_frame_equal(words, expected, check_dtype=False)
    assert list(words.columns) == [0, 1, 2, 3]


def test_pipeline_names_its_words():
    """The vocabulary is sorted, unlike the texts."""
    pipeline = make_pipeline(CountVectorizer(), NMF(2, init="nndsvda")).fit(TEXTS)
    words = top_words(pipeline, n_words=2)
    assert set(map(tuple, words.to_numpy())) == {("dog", "cat"), ("train", "bus")}
    assert list(words.index) == ["topic 0", "topic 1"]


def test_all_sources_of_names_agree():
    vectorizer = CountVectorizer()
    counts = vectorizer.fit_transform(TEXTS)
    names = vectorizer.get_feature_names_out()
    lda = LatentDirichletAllocation(2, max_iter=3, random_state=0)
    expected = top_words(make_pipeline(vectorizer, lda).fit(TEXTS), 3)
    assert list(expected.index) == [f"topic {k}" for k in range(2)]

    frame = pd.DataFrame(counts.toarray(), columns=names)
    lda.fit(frame)
    pd.testing.assert_frame_equal(top_words(lda, 3), expected)
    pd.testing.assert_frame_equal(top_words(make_pipeline(lda), 3), expected)
    lda.fit(counts)
    pd.testing.assert_frame_equal(top_words(lda, 3, feature_names=names), expected)


def test_given_names_come_before_those_of_the_fit():
    frame = pd.DataFrame([[3, 1], [3, 1]], columns=["a", "b"])
    nmf = NMF(1, init="nndsvda").fit(frame)
    assert top_words(nmf, 2).loc["topic 0"].tolist() == ["a", "b"]
    given = top_words(nmf, 2, feature_names=["x", "y"])
    assert given.loc["topic 0"].tolist() == ["x", "y"]


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c", "d"], [["a", "b", "c"]]])
def test_top_words_needs_one_name_per_feature(names):
    model = Oracle(np.ones((2, 3))).fit(None)
    with pytest.raises(ValueError, match="but Oracle was fitted on 3 features"):
        top_words(model, 2, feature_names=names)


def test_top_words_are_all_words_if_there_are_few():
    model = Oracle(np.ones((2, 3))).fit(None)
    assert top_words(model, feature_names=list("abc")).shape == (2, 3)
    for n_words, error in [(0, ValueError), (2.5, TypeError)]:
        with pytest.raises(error, match="n_words"):
            top_words(model, n_words, feature_names=list("abc"))


@pytest.mark.parametrize(
    "model", [NMF(2), make_pipeline(CountVectorizer(), NMF(2))], ids=["model", "pipe"]
)
def test_top_words_needs_a_fitted_model(model):
    with pytest.raises(NotFittedError):
        top_words(model)


def test_names_pass_through_steps_that_do_nothing_nested_pipelines_and_searches():
    inner = make_pipeline(CountVectorizer(), "passthrough")
    lda = LatentDirichletAllocation(2, max_iter=3, random_state=0)
    nested = make_pipeline(inner, lda).fit(TEXTS)
    search = GridSearchCV(nested, {}, cv=2).fit(TEXTS)
    expected = top_words(make_pipeline(CountVectorizer(), lda).fit(TEXTS), 3)
    pd.testing.assert_frame_equal(top_words(nested, 3), expected)
    pd.testing.assert_frame_equal(top_words(search, 3), expected)
    frame = pd.DataFrame(np.eye(3), columns=list("abc"))
    plain = make_pipeline("passthrough", lda).fit(frame)
    assert set(top_words(plain, 3).to_numpy().ravel()) == set("abc")


# --- the ways to rank words ------------------------------------------------------


def planted(components):
    """An NMF of given components."""
    components = np.asarray(components, dtype=float)
    X = np.random.default_rng(0).poisson(3.0, (9, components.shape[1]))
    nmf = NMF(len(components), init="random", max_iter=1, random_state=0).fit(X)
    nmf.components_ = components
    return nmf


def test_term_scores_are_blei_and_laffertys(rng):
    components = rng.dirichlet(np.ones(6), size=4) * [[1], [2], [3], [4]]
    scores = term_scores(planted(components), feature_names=list("abcdef"))
    beta = components / components.sum(axis=1, keepdims=True)
    for k in range(4):
        for v, word in enumerate("abcdef"):
            mean = np.prod(beta[:, v]) ** (1 / 4)
            expected = beta[k, v] * np.log(beta[k, v] / mean)
            assert scores.loc[f"topic {k}", word] == pytest.approx(expected)


def test_term_scores_are_finite_where_topics_have_zeros():
    scores = term_scores(planted(np.eye(3)), feature_names=list("abc"))
    assert np.isfinite(scores).all(axis=None)
    assert scores.idxmax(axis=1).tolist() == list("abc")


def test_relevance_lies_between_probability_and_lift():
    model = planted([[50, 30, 10, 10, 0], [50, 0, 1, 20, 29]])
    names = {"feature_names": ["the", "cat", "dog", "run", "bus"]}
    by_probability = top_words(model, 5, **names)
    whole = top_words(model, 5, by="relevance", weight=1, **names)
    pd.testing.assert_frame_equal(whole, by_probability)
    lift = top_words(model, 5, by="relevance", weight=0, **names)
    assert lift.loc["topic 0"].tolist() == ["cat", "dog", "the", "run", "bus"]
    # Where "cat" is frequent in the documents and "dog" is not, "dog" is the one.
    X = [[1, 90, 3, 3, 3]]
    lift = top_words(model, 5, by="relevance", weight=0, X=X, **names)
    words = lift.loc["topic 0"].tolist()
    assert words[0] == "the" and words[4] == "bus"
    assert words.index("dog") < words.index("cat")


def test_frex_is_the_harmonic_mean_of_ranks():
    components = np.array([[5.0, 3, 2], [5, 1, 4]])
    beta = components / 10
    exclusivity = beta / beta.sum(axis=0)
    expected = []
    for k in range(2):
        for v in range(3):
            e = np.mean(exclusivity[k] <= exclusivity[k, v])
            p = np.mean(beta[k] <= beta[k, v])
            expected.append(1 / (0.7 / e + 0.3 / p))
    scores = rank_words(FittedTopics(planted(components)), "frex", 0.7)
    np.testing.assert_allclose(scores.ravel(), expected)


def test_words_of_signed_components_rank_by_what_they_decode_to(corpus):
    model = NVDMTopicModel(3, max_epochs=2, random_state=0).fit(corpus.data)
    decoded = model.inverse_transform(np.eye(3))
    scores = term_scores(model, feature_names=[f"w{j}" for j in range(40)])
    expected = decoded * (np.log(decoded) - np.log(decoded).mean(axis=0))
    np.testing.assert_allclose(scores, expected)


def test_rankings_refuse_what_says_nothing():
    model, names = planted(np.eye(2)), {"feature_names": ["a", "b"]}
    with pytest.raises(ValueError, match="by='best', but it is one of probability"):
        top_words(model, 1, by="best", **names)
    with pytest.raises(ValueError, match="weight=0.5 says nothing with by='term_s"):
        top_words(model, 1, by="term_score", weight=0.5, **names)
    with pytest.raises(ValueError, match="X says nothing with by='frex'"):
        top_words(model, 1, by="frex", X=np.eye(2), **names)
    with pytest.raises(ValueError, match="weight == 2"):
        top_words(model, 1, by="frex", weight=2, **names)
    with pytest.raises(ValueError, match="X has 3 features, but NMF was fitted on 2"):
        top_words(model, 1, by="relevance", X=np.eye(3), **names)
    with pytest.raises(ValueError, match="X has no tokens"):
        top_words(model, 1, by="relevance", X=np.zeros((2, 2)), **names)
    pca = PCA(2).fit([[0.0, 1], [1, 0], [2, 3]])
    with pytest.raises(ValueError, match="PCA gives words the weight -.*no probab"):
        term_scores(pca, **names)


@pytest.mark.parametrize(
    "function",
    [
        lambda m, **names: top_words(m, 2, **names),
        lambda m, **names: term_scores(m, **names),
        lambda m, **names: similar_words(m, "a", **names),
        lambda m, **names: most_similar(m, topic=0, **names),
        lambda m, **names: embedding_map(m, **names),
        lambda m, **names: to_topicwizard(m, np.ones((3, 3)), list("abc"), **names),
    ],
)
def test_every_table_checks_its_names(function):
    model = NMF(2, init="random", random_state=0).fit(np.eye(3) + 1)
    told = "^NMF was fitted without feature names. Pass feature_names=vec"
    with pytest.raises(ValueError, match=told):
        function(model)
    with pytest.raises(ValueError, match=r"feature_names has shape \(2,\), but NMF"):
        function(model, feature_names=["a", "b"])


# --- what a user meets --------------------------------------------------------------


def test_names_are_never_made_up():
    counts = CountVectorizer().fit_transform(TEXTS)
    nested = make_pipeline(None, TfidfTransformer())
    for before in [FunctionTransformer(), TfidfTransformer(), nested]:
        model = make_pipeline(before, LatentDirichletAllocation(2, random_state=0))
        with pytest.raises(ValueError, match="^Latent.* without feature names. Pass"):
            top_words(model.fit(counts), 2)
    named = make_pipeline(CountVectorizer(), TfidfTransformer(), model[-1])
    words = top_words(named.fit(TEXTS), 4).iloc[0]
    assert set(words) == {"bus", "cat", "dog", "train"}


def test_a_search_that_kept_no_model_says_so():
    X = np.eye(4) + 1
    search = GridSearchCV(
        LatentDirichletAllocation(), {"n_components": [1, 2]}, cv=2, refit=False
    ).fit(X)
    with pytest.raises(TypeError, match="has no components_.*refit=True"):
        top_words(search, 2, feature_names=list("abcd"))


def test_words_that_documents_lack_are_not_the_most_specific():
    """Of "relevance" by few documents: a word of none of them is not about them."""
    nmf = NMF(2, init="random", max_iter=1, random_state=0).fit(np.eye(3))
    nmf.components_ = np.array([[0.6, 0.39, 0.01], [0.1, 0.5, 0.4]])
    lists = top_words(
        nmf, 1, feature_names=list("abc"), by="relevance", X=[[4, 4, 0], [5, 5, 0]]
    )
    assert lists.loc["topic 0", 0] == "a"
