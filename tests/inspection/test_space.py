"""One space of words, topics and documents."""

import copy

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from skvae.inspection import (
    document_embeddings,
    most_similar,
    similar_words,
    top_words,
    topic_sizes,
)

TEXTS = ["dog dog cat", "cat dog dog", "train bus train"]

# --- one space of words, topics and documents --------------------------------------

NAMES = np.array([f"w{j}" for j in range(40)])

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


def test_a_text_is_a_document(of_texts):
    model, texts = of_texts
    found = most_similar(model, document="dog", among="documents", X=texts, n=2)
    assert found["text"].tolist()[0] in texts[:2]
    by_number = most_similar(model, document=0, among="documents", X=texts, n=3)
    assert set(by_number["document"]) == {1, 2}
    index = pd.Series(texts, index=["x", "y", "z"])
    named = most_similar(model, document=0, among="documents", X=index, n=3)
    assert set(named["document"]) == {1, 2}  # numbers, not labels
    row = CountVectorizer().fit(texts).transform(["dog"])
    same = most_similar(model[-1], document=row, among="topics")
    again = most_similar(model[-1], document=row.toarray()[0], among="topics")
    pd.testing.assert_frame_equal(same, again)


def test_most_similar_tells_what_it_needs(models):
    model, X = models[0]["LDA"], models[1]
    of_documents = {"word": "w1", "among": "documents"}
    for told, given in [
        ("Pass one of word=, topic= and .* not 0", {}),
        ("not 2", {"word": "w1", "topic": 1}),
        ("needs X, the documents to look among", of_documents),
        ("document=300, but X has 300 documents", {"document": 300, "X": X}),
        ("topic=3, but the topics are 0 to 2, or 'topic 0' to", {"topic": 3}),
        ("among='people'", {"topic": 1, "among": "people"}),
        ("2 texts, but X has 300", {**of_documents, "X": X, "texts": ["a", "b"]}),
    ]:
        with pytest.raises(ValueError, match=told):
            most_similar(model, **given)
    with pytest.raises(ValueError, match="'w111' is not among the 40 words.*'w11'"):
        similar_words(model, "w111")


def test_signed_codes_stay_signed_whatever_the_rows_and_weights(models):
    """Even where no code and no weight of a word is negative."""
    model, X = copy.deepcopy(models[0]["NVDM"]), models[1]
    positive = (model.transform(X) > 0).all(axis=1)
    assert positive.any() and not positive.all() and model.components_.min() < 0
    for components in (model.components_, np.abs(model.components_)):
        model.components_ = components
        for rows in (X, X[positive]):
            codes = document_embeddings(model, rows)
            np.testing.assert_array_equal(codes, model.transform(rows))
            with pytest.raises(
                ValueError, match="^NVDMTopicModel has no topic .*codes are signed"
            ):
                topic_sizes(model, rows)


def test_documents_that_say_nothing_count_for_nothing(of_texts):
    model, texts = of_texts
    texts = [*texts, "", "unknown"]
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


@pytest.mark.parametrize("container", [list, tuple, pd.Series, np.array])
def test_documents_in_any_container_are_embedded(container):
    model = make_pipeline(CountVectorizer(), NMF(2, init="nndsvda")).fit(TEXTS)
    found = document_embeddings(model, container(TEXTS))
    assert found.index.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(found, document_embeddings(model, pd.Series(TEXTS)))
    labelled = document_embeddings(model, pd.Series(TEXTS, index=list("abc")))
    assert labelled.index.tolist() == list("abc")
