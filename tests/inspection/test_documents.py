"""Sizes of topics and the documents that stand for them."""

import numpy as np
import pandas as pd
import pytest

from skvae.inspection import (
    most_similar,
    representative_documents,
    top_words,
    topic_sizes,
)

TEXTS = ["dog dog cat", "cat dog dog", "train bus train"]

KINDS = ["GSM", "NVDM", "LDA", "NMF"]


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
        np.testing.assert_allclose(
            group["similarity"][:5], single["similarity"], atol=1e-3
        )
        if name != "NVDM":
            tied = group["similarity"].round(3).diff() == 0
            assert (group["share"].diff()[tied] <= 1e-3).all()
            shares = fitted[name].transform(X)[group["document"], int(topic[-1])]
            if name != "NMF":
                np.testing.assert_allclose(group["share"], shares)
        assert group["text"].iloc[0] == texts[group["document"].iloc[0]]


def test_a_repeated_text_is_shown_once(of_texts):
    model, texts = of_texts
    twice = [*texts, *(f" {text} \n" for text in texts)]
    once = representative_documents(model, texts, n_documents=3)
    found = representative_documents(model, twice, n_documents=3)
    pd.testing.assert_frame_equal(found, once)


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


@pytest.mark.parametrize(
    "container", [tuple, np.array, pd.Series, pd.Index, lambda t: pd.Series(t).array]
)
def test_texts_in_any_container(container, of_texts):
    model, texts = of_texts
    found = representative_documents(model, container(texts), n_documents=1)
    expected = representative_documents(model, texts, n_documents=1)
    pd.testing.assert_frame_equal(found, expected)
    with pytest.raises(TypeError, match="is a generator, which can be read once"):
        representative_documents(model, (text for text in texts))


def test_texts_must_be_labelled_as_the_documents(models):
    model, X = models[0]["LDA"], models[1]
    texts = pd.Series([f"text {i}" for i in X.index])
    representative_documents(model, X, texts)
    with pytest.raises(ValueError, match="index of texts is not that of X"):
        representative_documents(model, X, texts.iloc[::-1])
    told = "texts is .*, but X has .* Pass a sequence of"
    with pytest.raises(ValueError, match=told):
        representative_documents(model, X, "text")
