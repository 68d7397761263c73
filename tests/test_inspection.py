"""Words, topics and documents, with the right names in the right order."""

import os
import sys

import numpy as np
import pandas as pd
import pytest
from helpers import make
from sklearn.base import BaseEstimator, clone
from sklearn.decomposition import NMF, PCA, LatentDirichletAllocation
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.manifold import trustworthiness
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import skvae
from skvae import (
    ClusterTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    TopicGroups,
    VAETransformer,
)
from skvae.datasets import make_topic_corpus
from skvae.inspection import (
    document_embeddings,
    embedding_map,
    intrusion_sheet,
    most_similar,
    name_topics,
    representative_documents,
    similar_words,
    term_scores,
    to_pyldavis,
    to_topicwizard,
    top_words,
    topic_prevalence,
    topic_sizes,
)
from skvae.inspection.words import rank_words
from skvae.metrics import document_completion_perplexity, npmi_coherence
from skvae.models.fitted import FittedTopics

TEXTS = ["dog dog cat", "cat dog dog", "train bus train"]


class Components(BaseEstimator):
    """Fitted on its own components, without names for its topics."""

    def fit(self, X, y=None):
        self.components_ = np.asarray(X)
        return self


def test_words_are_sorted_by_weight_then_by_column():
    model = Components().fit([[0.0, 2.0, -1.0, 2.0, 3.0], [-5.0, -1.0, -3.0, 0.0, 0.0]])
    words = top_words(model, 4, feature_names=list("abcde"))
    expected = pd.DataFrame(
        [list("ebda"), list("debc")], index=["topic 0", "topic 1"], columns=range(4)
    )
    pd.testing.assert_frame_equal(words, expected, check_dtype=False)
    assert list(words.columns) == [0, 1, 2, 3]


def test_pipeline_names_its_words():
    """The vocabulary is sorted, unlike the texts."""
    pipeline = make_pipeline(CountVectorizer(), NMF(2, init="nndsvda")).fit(TEXTS)
    words = top_words(pipeline, n_words=2)
    assert {tuple(row) for row in words.to_numpy()} == {
        ("dog", "cat"),
        ("train", "bus"),
    }
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
    assert top_words(nmf, 2, feature_names=["x", "y"]).loc["topic 0"].tolist() == [
        "x",
        "y",
    ]


def test_top_words_needs_names():
    X = np.ones((4, 3))
    nameless = make_pipeline(FunctionTransformer(), NMF(1, init="nndsvda"))
    for model in [NMF(1, init="nndsvda"), nameless]:
        with pytest.raises(
            ValueError,
            match="^NMF was fitted without feature names. Pass feature_names=vec",
        ):
            top_words(model.fit(X), 2)


@pytest.mark.parametrize("names", [["a", "b"], ["a", "b", "c", "d"], [["a", "b", "c"]]])
def test_top_words_needs_one_name_per_feature(names):
    model = Components().fit(np.ones((2, 3)))
    with pytest.raises(ValueError, match="but Components was fitted on 3 features"):
        top_words(model, 2, feature_names=names)


def test_top_words_are_all_words_if_there_are_few():
    model = Components().fit(np.ones((2, 3)))
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
    assert lift.loc["topic 0", 0] == "the" and lift.loc["topic 0", 4] == "bus"
    assert list(lift.loc["topic 0"]).index("dog") < list(lift.loc["topic 0"]).index(
        "cat"
    )


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


# --- one space of words, topics and documents --------------------------------------

NAMES = np.array([f"w{j}" for j in range(40)])


@pytest.fixture(scope="module")
def models():
    """Models of each kind, fitted on planted topics; and the documents, with names."""
    corpus = make_topic_corpus(300, 40, 3, word_concentration=0.4, random_state=0)
    X = pd.DataFrame(corpus.data.toarray(), columns=NAMES)
    return {
        "GSM": GSMTopicModel(3, embedding_size=8, max_epochs=60, random_state=2).fit(X),
        "NVDM": NVDMTopicModel(3, max_epochs=10, random_state=1).fit(X),
        "LDA": LatentDirichletAllocation(3, random_state=0).fit(X),
        "NMF": NMF(3, init="nndsvda").fit(X),
    }, X


KINDS = ["GSM", "NVDM", "LDA", "NMF"]


def test_documents_of_gsm_are_means_of_their_topics(models):
    fitted, X = models
    model = fitted["GSM"]
    expected = model.transform(X) @ model.topic_embeddings_
    embeddings = document_embeddings(model, X.iloc[5:9])
    np.testing.assert_allclose(embeddings, expected[5:9])
    assert list(embeddings.index) == [5, 6, 7, 8]
    words = similar_words(model, "w3", 4)
    W = model.word_embeddings_ / np.linalg.norm(model.word_embeddings_, axis=1)[:, None]
    order = [j for j in np.argsort(-(W @ W[3])) if j != 3][:4]
    assert words["word"].tolist() == NAMES[order].tolist()
    np.testing.assert_allclose(words["similarity"], (W @ W[3])[order])


def test_documents_of_nmf_are_proportions(models):
    fitted, X = models
    codes = fitted["NMF"].transform(X)
    expected = codes / codes.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(document_embeddings(fitted["NMF"], X), expected)


def test_similar_words_of_nvdm_are_rows_of_the_decoder(models):
    model = models[0]["NVDM"]
    rows = model.components_.T
    cosine = rows @ rows[7] / np.linalg.norm(rows, axis=1) / np.linalg.norm(rows[7])
    found = similar_words(model, "w7", 39)
    assert len(found) == 39 and "w7" not in set(found["word"])
    by_word = found.set_index("word")["similarity"]
    np.testing.assert_allclose(by_word[NAMES[[0, 20]]], cosine[[0, 20]])
    assert found["similarity"].is_monotonic_decreasing


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("among", ["words", "topics", "documents"])
@pytest.mark.parametrize("given", ["word", "topic", "document"])
def test_anything_is_compared_with_anything(models, name, among, given):
    fitted, X = models
    query = {"word": "w3", "topic": 1, "document": 4}[given]
    found = most_similar(fitted[name], **{given: query}, among=among, n=3, X=X)
    same_kind = among.startswith(given)
    expected = min(3, {"words": 40, "topics": 3, "documents": 300}[among] - same_kind)
    assert len(found) == expected
    assert found["similarity"].between(-1 - 1e-9, 1 + 1e-9).all()
    assert found["similarity"].is_monotonic_decreasing
    if same_kind:
        assert query not in found[given].tolist()
    assert list(found.columns[:2]) == [among[:-1], "similarity"]


@pytest.mark.parametrize("name", ["GSM", "LDA", "NMF"])
def test_a_document_of_a_topics_words_is_close_to_the_topic(models, name):
    """On planted topics: words, topics and documents find each other."""
    model = models[0][name]
    top = top_words(model, 5)
    for k, words in enumerate(top.to_numpy()):
        document = pd.DataFrame([10.0 * np.isin(NAMES, words)], columns=NAMES)
        closest = most_similar(model, document=document, among="topics", n=1)
        assert closest["topic"].item() == top.index[k]
        assert closest["words"].item() == " ".join(words)
        found = most_similar(model, topic=top.index[k], among="words", n=10)
        assert len(set(words) & set(found["word"])) >= 3


def test_a_text_is_a_document():
    lda = LatentDirichletAllocation(2, random_state=0)
    model = make_pipeline(CountVectorizer(), lda).fit(TEXTS)
    found = most_similar(model, document="dog", among="documents", X=TEXTS, n=2)
    assert found["text"].tolist()[0] in TEXTS[:2]
    by_number = most_similar(model, document=0, among="documents", X=TEXTS, n=3)
    assert set(by_number["document"]) == {1, 2}
    index = pd.Series(TEXTS, index=["x", "y", "z"])
    named = most_similar(model, document=0, among="documents", X=index, n=3)
    assert set(named["document"]) == {1, 2}  # numbers, not labels
    row = CountVectorizer().fit(TEXTS).transform(["dog"])
    same = most_similar(lda, document=row, among="topics")
    again = most_similar(lda, document=row.toarray()[0], among="topics")
    pd.testing.assert_frame_equal(same, again)


def test_most_similar_tells_what_it_needs(models):
    model, X = models[0]["LDA"], models[1]
    with pytest.raises(ValueError, match="takes one of word=, topic= and.*but got 0"):
        most_similar(model)
    with pytest.raises(ValueError, match="but got 2"):
        most_similar(model, word="w1", topic=1)
    with pytest.raises(ValueError, match="needs X, the documents to look among"):
        most_similar(model, word="w1", among="documents")
    with pytest.raises(ValueError, match="document=300, but X has 300 documents"):
        most_similar(model, document=300, X=X)
    with pytest.raises(
        ValueError, match="topic=3, but the topics are 0 to 2, or 'topic 0' to"
    ):
        most_similar(model, topic=3)
    with pytest.raises(ValueError, match="among='people'"):
        most_similar(model, topic=1, among="people")
    with pytest.raises(ValueError, match="'w111' is not among the 40 words.*'w11'"):
        similar_words(model, "w111")
    with pytest.raises(ValueError, match="There are 2 texts, but X has 300 documents"):
        most_similar(model, word="w1", among="documents", X=X, texts=["a", "b"])


# --- documents of the topics -------------------------------------------------------


@pytest.mark.parametrize("name", ["GSM", "LDA", "NMF"])
def test_sizes_are_shares_of_the_tokens(models, name):
    fitted, X = models
    sizes = topic_sizes(fitted[name], X)
    proportions = fitted[name].transform(X)
    proportions = proportions / proportions.sum(axis=1, keepdims=True)
    n_tokens = X.sum(axis=1)
    np.testing.assert_allclose(
        sizes["share"], np.average(proportions, axis=0, weights=n_tokens)
    )
    assert sizes["documents"].sum() == (n_tokens > 0).sum()
    assert list(sizes.index) == [f"topic {k}" for k in range(len(sizes))]


def test_nvdm_has_no_sizes(models):
    with pytest.raises(ValueError, match="NVDMTopicModel has no topic proportions"):
        topic_sizes(models[0]["NVDM"], models[1])


@pytest.mark.parametrize("name", KINDS)
def test_representative_documents_are_the_closest(models, name):
    fitted, X = models
    X = pd.concat([X, 0 * X.iloc[:1]], ignore_index=True)  # stands for nothing
    texts = [f"text {i}" for i in range(len(X))]
    found = representative_documents(fitted[name], X, texts, n_documents=301)
    assert len(found) == 3 * 300 and 300 not in found["document"].tolist()
    for topic, group in found.groupby("topic", sort=False):
        single = most_similar(
            fitted[name], topic=topic, among="documents", X=X.iloc[:300], n=5
        )
        np.testing.assert_array_equal(group["document"][:5], single["document"])
        assert group["text"].iloc[0] == texts[group["document"].iloc[0]]


@pytest.mark.parametrize("name", ["GSM", "LDA", "NMF"])
def test_representative_documents_are_full_of_their_topics_words(models, name):
    model, X = models[0][name], models[1]
    found = representative_documents(model, X, n_documents=5)
    assert "text" not in found
    known = found.drop_duplicates("topic").set_index("topic")["words"]
    assert known.tolist() == [" ".join(row) for row in top_words(model, 5).to_numpy()]
    renamed = representative_documents(
        model, X, feature_names=list(X.columns.str[::-1])
    )
    assert renamed["words"].iloc[0] == " ".join(w[::-1] for w in known.iloc[0].split())
    for topic, words in top_words(model, 8).iterrows():
        documents = found.loc[found["topic"] == topic, "document"]
        share = X[words.tolist()].sum(axis=1) / X.sum(axis=1)
        assert share[documents].mean() > share.mean() + 0.1


# --- the map ----------------------------------------------------------------------


@pytest.mark.parametrize("name", KINDS)
def test_map_shows_topics_their_words_and_documents(models, name):
    fitted, X = models
    points = embedding_map(fitted[name], X, n_words=4, n_documents=6)
    pd.testing.assert_frame_equal(
        points, embedding_map(fitted[name], X, n_words=4, n_documents=6)
    )
    kinds = points.groupby("kind", sort=False)["label"]
    assert list(kinds.groups) == ["topic", "word", "document"]
    assert set(kinds.get_group("word")) == set(
        top_words(fitted[name], 4).to_numpy().ravel()
    )
    found = representative_documents(fitted[name], X, n_documents=6)
    assert set(kinds.get_group("document")) == set(found["document"])
    assert points.loc[points["kind"] == "topic", "topic"].tolist() == [0, 1, 2]
    assert np.isfinite(points[["x", "y"]]).all(axis=None)


@pytest.mark.parametrize("name", KINDS)
def test_map_keeps_close_what_is_close(models, name):
    model, X = models[0][name], models[1]
    points = embedding_map(model, X)
    documents = points[points["kind"] == "document"]
    vectors = document_embeddings(model, X).loc[documents["label"].astype(int)]
    # 0.5 is what a random map gets.
    assert trustworthiness(vectors, documents[["x", "y"]], metric="cosine") > 0.85


def test_map_takes_any_transformer_and_leaves_it_alone(models):
    model = models[0]["LDA"]
    pca = PCA(2)
    points = embedding_map(model, transformer=pca, n_words=2)
    assert not hasattr(pca, "components_") and set(points["kind"]) == {"topic", "word"}
    with pytest.raises(ValueError, match="PCA made an array of shape .*, 3. of"):
        embedding_map(model, transformer=PCA(3))


def test_map_needs_names_and_points(models):
    model = Components().fit([[1.0]])
    with pytest.raises(ValueError, match="Components was fitted without feature names"):
        embedding_map(model)
    with pytest.raises(ValueError, match="needs 3 points at least, but there are 2"):
        embedding_map(model, feature_names=["a"])


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
    with pytest.raises(ValueError, match="NMF was fitted without feature names"):
        function(model)
    with pytest.raises(ValueError, match=r"feature_names has shape \(2,\), but NMF"):
        function(model, feature_names=["a", "b"])


# --- hand-offs ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["GSM", "LDA", "NMF"])
def test_pyldavis_gets_distributions(models, name):
    pyLDAvis = pytest.importorskip("pyLDAvis")
    fitted, X = models
    X = pd.concat([X, 0 * X.iloc[:1]], ignore_index=True)
    prepared = to_pyldavis(fitted[name], X, R=5)
    assert isinstance(prepared, pyLDAvis.PreparedData)
    assert prepared.R == 5
    topics = prepared.topic_coordinates
    np.testing.assert_allclose(topics["Freq"].sum(), 100)
    shares = 100 * topic_sizes(fitted[name], X)["share"].to_numpy()
    np.testing.assert_allclose(topics.sort_values("topics")["Freq"], shares)
    info = prepared.topic_info
    words = set(info.loc[info["Category"] == "Topic0", "Term"])
    assert words & set(top_words(fitted[name], 3).iloc[0])


def test_pyldavis_is_asked_for_by_name(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyLDAvis", None)
    with pytest.raises(ImportError, match=r"pip install 'skvae\[pyldavis\]'"):
        to_pyldavis(models[0]["LDA"], models[1])


def test_topicwizard_gets_what_it_calls_topic_data(models):
    fitted, X = models
    X = pd.concat([0 * X.iloc[:1], X], ignore_index=True)
    texts = [f"text {i}" for i in range(len(X))]
    data = to_topicwizard(fitted["GSM"], X, texts)
    assert data["corpus"] == texts[1:]
    n = len(X) - 1
    assert data["document_term_matrix"].shape == (n, 40)
    assert data["document_topic_matrix"].shape == (n, 3)
    np.testing.assert_allclose(data["topic_term_matrix"].sum(axis=1), 1)
    assert data["topic_names"][2].startswith("2: w")
    topicwizard_data = pytest.importorskip("topicwizard.data")
    assert set(data) == set(topicwizard_data.TopicData.__annotations__)


def test_topicwizard_needs_texts_and_proportions(models):
    fitted, X = models
    with pytest.raises(ValueError, match="to_topicwizard needs texts"):
        to_topicwizard(fitted["LDA"], X)
    with pytest.raises(ValueError, match="NVDMTopicModel has no topic proportions"):
        to_topicwizard(fitted["NVDM"], X, ["text"] * len(X))
    lda = LatentDirichletAllocation(2, random_state=0)
    pipeline = make_pipeline(CountVectorizer(), lda).fit(TEXTS)
    data = to_topicwizard(pipeline, TEXTS)
    np.testing.assert_allclose(data["transform"](TEXTS), pipeline.transform(TEXTS))


# --- what a user meets --------------------------------------------------------------


def test_names_are_never_made_up():
    counts = CountVectorizer().fit_transform(TEXTS)
    for before in [TfidfTransformer(), make_pipeline(None, TfidfTransformer())]:
        model = make_pipeline(before, LatentDirichletAllocation(2, random_state=0))
        with pytest.raises(ValueError, match="without feature names"):
            top_words(model.fit(counts), 2)
    named = make_pipeline(CountVectorizer(), TfidfTransformer(), model[-1])
    words = top_words(named.fit(TEXTS), 4).iloc[0]
    assert set(words) == {"bus", "cat", "dog", "train"}


def test_signed_codes_stay_signed_whatever_the_rows(models):
    model, X = models[0]["NVDM"], models[1]
    positive = X[(model.transform(X) > 0).all(axis=1)]
    assert len(positive) > 0
    np.testing.assert_allclose(
        document_embeddings(model, positive), model.transform(positive)
    )
    with pytest.raises(ValueError, match="has no topic proportions"):
        topic_sizes(model, positive)


def test_documents_that_say_nothing_count_for_nothing():
    texts = [*TEXTS, "", "unknown"]
    lda = LatentDirichletAllocation(2, random_state=0)
    model = make_pipeline(CountVectorizer(), lda).fit(TEXTS)
    assert topic_sizes(model, texts)["documents"].sum() == 3
    found = most_similar(model, topic=0, among="documents", X=texts)
    assert sorted(found["document"]) == [0, 1, 2]
    for document in ("", "unknown"):
        with pytest.raises(ValueError, match="no word that the model knows"):
            most_similar(model, document=document)


def test_a_document_is_a_single_one(models):
    model, X = models[0]["LDA"], models[1]
    with pytest.raises(ValueError, match="document holds 2 documents"):
        most_similar(model, document=X.iloc[:2])
    expected = most_similar(model, document=3, X=X)
    pd.testing.assert_frame_equal(most_similar(model, document=X.iloc[3]), expected)
    tokens = [text.split() for text in TEXTS]
    lda = LatentDirichletAllocation(2, random_state=0)
    pipeline = make_pipeline(CountVectorizer(analyzer=lambda text: text), lda)
    pipeline.fit(tokens)
    expected = most_similar(pipeline, document=0, X=tokens)
    found = most_similar(pipeline, document=tokens[0])
    pd.testing.assert_frame_equal(found, expected)


@pytest.mark.parametrize(
    "container", [tuple, np.array, pd.Series, pd.Index, lambda t: pd.Series(t).array]
)
def test_texts_in_any_container(container):
    lda = LatentDirichletAllocation(2, random_state=0)
    model = make_pipeline(CountVectorizer(), lda).fit(TEXTS)
    found = representative_documents(model, container(TEXTS), n_documents=1)
    expected = representative_documents(model, TEXTS, n_documents=1)
    pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(TypeError, match="is a generator, which can be read once"):
        representative_documents(model, (text for text in TEXTS))


def test_texts_must_be_labelled_as_the_documents(models):
    model, X = models[0]["LDA"], models[1]
    texts = pd.Series([f"text {i}" for i in X.index])
    representative_documents(model, X, texts)
    with pytest.raises(ValueError, match="index of texts is not that of X"):
        representative_documents(model, X, texts.iloc[::-1])
    with pytest.raises(
        ValueError, match="texts is .*, but X has .* Pass a sequence of strings"
    ):
        representative_documents(model, X, "text")


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


@pytest.mark.parametrize("container", [list, tuple, pd.Series, np.array])
def test_documents_in_any_container_are_embedded(container):
    model = make_pipeline(CountVectorizer(), NMF(2, init="nndsvda")).fit(TEXTS)
    found = document_embeddings(model, container(TEXTS))
    assert found.index.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(found, document_embeddings(model, pd.Series(TEXTS)))
    labelled = document_embeddings(model, pd.Series(TEXTS, index=list("abc")))
    assert labelled.index.tolist() == list("abc")


def test_signs_of_components_do_not_make_proportions():
    """Codes of NVDM are signed, even where no weight of a word is negative."""
    X = TABLE.to_numpy()
    model = make(NVDMTopicModel).fit(X)
    codes = model.transform(X)
    assert codes.min() < 0
    model.components_ = np.abs(model.components_)
    found = document_embeddings(model, X)
    np.testing.assert_array_equal(found, codes)
    with pytest.raises(ValueError, match="no topic proportions: its codes are signed"):
        topic_sizes(model, X)


# --- columns by name ----------------------------------------------------------------

COLUMNS = [f"w{j:02d}" for j in range(20)]
TABLE = pd.DataFrame(
    make_topic_corpus(60, 20, 3, mean_length=12, random_state=0).data.toarray(),
    columns=COLUMNS,
)
MIXED = TABLE[COLUMNS[1::-1] + COLUMNS[2:]]
BY = np.arange(60) % 2
TAKES_X = {
    "npmi_coherence": lambda m, X: npmi_coherence(m, X, n_words=3),
    "npmi_scorer": skvae.metrics.npmi_scorer,
    "completion": document_completion_perplexity,
    "completion_scorer": skvae.metrics.completion_scorer,
    "held_out": lambda m, X: document_completion_perplexity(m, TABLE, held_out=X),
    "relevance": lambda m, X: top_words(m, 3, by="relevance", X=X),
    "sizes": topic_sizes,
    "representative": representative_documents,
    "prevalence": lambda m, X: topic_prevalence(m, X, BY),
    "map": embedding_map,
    "intrusion": lambda m, X: intrusion_sheet(m, X, n_choices=3, random_state=0),
    "names": name_topics,
    "embeddings": document_embeddings,
    "row": lambda m, X: most_similar(m, document=3, X=X),
    "documents": lambda m, X: most_similar(m, topic=0, among="documents", X=X),
    "document": lambda m, X: most_similar(m, document=X.iloc[3]),
    "topicwizard": lambda m, X: to_topicwizard(m, X, ["text"] * 60),
    "groups.fit": lambda m, X: TopicGroups(m, {"a": [0]}).fit(X),
    "groups.transform": lambda m, X: TopicGroups(m).fit(TABLE).transform(X),
    "words": lambda m, X: skvae.plotting.TopicWordsDisplay.from_estimator(m, X),
    "classes": lambda m, X: skvae.plotting.TopicDocumentsDisplay.from_estimator(
        m, X, BY
    ),
    "report": lambda m, X: skvae.report(m, X, path=os.devnull, baseline=None),
    "report.X_test": lambda m, X: skvae.report(
        m, TABLE, path=os.devnull, baseline=None, X_test=X
    ),
    "card": lambda m, X: skvae.export.model_card(m, X_test=X),
}
NAMED = {
    "GSM": make(GSMTopicModel),
    "GSM of an array": make(GSMTopicModel, feature_names=COLUMNS),
    "LDA": LatentDirichletAllocation(2, max_iter=1, random_state=0),
    "NMF": NMF(2, init="nndsvda", max_iter=500),
    "cluster": ClusterTopicModel(2, estimator=make(NVDMTopicModel), random_state=0),
    "consensus": skvae.ConsensusTopicModel(
        2, estimator=LatentDirichletAllocation(2, max_iter=1), random_state=0
    ),
    "Pipeline": make_pipeline(FunctionTransformer(), make(GSMTopicModel)),
}


@pytest.fixture(scope="module")
def named():
    data = dict.fromkeys(NAMED, TABLE) | {"GSM of an array": TABLE.to_numpy()}
    return {name: clone(model).fit(data[name]) for name, model in NAMED.items()}


@pytest.mark.filterwarnings("ignore:X has feature names", "ignore:Top words never")
@pytest.mark.parametrize("model", NAMED)
@pytest.mark.parametrize("function", TAKES_X)
def test_columns_in_another_order_are_refused(function, model, named):
    """By position their words would be others, and nothing would tell."""
    if function == "card" and not hasattr(named[model], "save"):
        pytest.skip("has no card")
    call = TAKES_X[function]
    with pytest.raises(
        ValueError, match="Column 0 of X|The feature names should match"
    ):
        if function == "held_out":
            with pytest.raises(ValueError) as error:
                call(named[model], MIXED)
            raise ValueError(str(error.value))
        call(named[model], MIXED)
    if function not in ("words", "classes"):
        call(named[model], TABLE)


WEIGHTS = pd.DataFrame(np.eye(3, 20) + 0.1, columns=COLUMNS)
TWO_TABLES = {
    "unigram": lambda X: skvae.metrics.unigram_perplexity(TABLE, X),
    "weights": lambda X: npmi_coherence(WEIGHTS, X, n_words=3),
    "words": lambda X: npmi_coherence(
        [COLUMNS[:3]], X, n_words=3, feature_names=COLUMNS
    ),
    "held_out": lambda X: document_completion_perplexity(
        LatentDirichletAllocation(2, random_state=0).fit(TABLE.to_numpy()),
        TABLE,
        held_out=X,
    ),
    "feature_names": lambda X: top_words(
        LatentDirichletAllocation(2, random_state=0).fit(TABLE), feature_names=X.columns
    ),
    "windows": lambda X: skvae.metrics.sliding_window_npmi(
        WEIGHTS, [COLUMNS], n_words=3, feature_names=list(X.columns)
    ),
}


@pytest.mark.filterwarnings("ignore:X has feature names", "ignore:Top words never")
@pytest.mark.parametrize("function", TWO_TABLES)
def test_two_tables_have_their_columns_in_one_order(function):
    with pytest.raises(
        ValueError, match="Column 0 of .* is 'w0.', but that of .*'w0.'"
    ):
        TWO_TABLES[function](MIXED)
    TWO_TABLES[function](TABLE)


def test_a_vectorizer_and_feature_names_agree():
    texts = ["cat dog", "dog cow", "cow cat"] * 5
    words = ["cat", "cow", "dog"]
    for names, agree in [(words, True), (words[::-1], False)]:
        model = make_pipeline(
            CountVectorizer(), make(GSMTopicModel, feature_names=names)
        )
        model.fit(texts)
        if agree:
            assert set(top_words(model, 3).iloc[0]) == set(words)
            continue
        match = r"Column 0 of the steps before it is 'cat', but .*names=\) is 'dog'"
        with pytest.raises(ValueError, match=match):
            top_words(model, 3)


def test_named_covariates_and_codes_keep_their_order():
    numbers = pd.DataFrame({"year": np.arange(60) % 7, "length": np.arange(60) % 5})
    model = make(GSMTopicModel).fit(TABLE, covariates=numbers)
    row = numbers.iloc[3]
    given = model.components_given(row)
    np.testing.assert_array_equal(given, model.components_given(row.to_numpy()))
    with pytest.raises(ValueError, match="Column 0 of covariates is 'length', but"):
        model.components_given(row[::-1])
    codes = pd.DataFrame([[0.2, 0.8]], columns=model.get_feature_names_out())
    words = model.inverse_transform(codes, covariates=row)
    assert words.shape == (1, 20)
    with pytest.raises(ValueError, match="Column 0 of X is 'topic 1', but"):
        model.inverse_transform(codes.iloc[:, ::-1], covariates=row)
    images = make(VAETransformer).fit(TABLE)
    images.interpolate(TABLE.iloc[0], TABLE.iloc[1])
    with pytest.raises(ValueError, match="The feature names should match"):
        images.interpolate(TABLE.iloc[0], MIXED.iloc[1])
