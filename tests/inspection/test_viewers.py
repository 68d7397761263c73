"""Hand-offs to pyLDAvis and topicwizard."""

import sys

import numpy as np
import pandas as pd
import pytest

from skvae.inspection import to_pyldavis, to_topicwizard, top_words, topic_sizes

TEXTS = ["dog dog cat", "cat dog dog", "train bus train"]


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


def test_topicwizard_needs_texts_and_proportions(models, of_texts):
    fitted, X = models
    with pytest.raises(ValueError, match="to_topicwizard needs texts"):
        to_topicwizard(fitted["LDA"], X)
    with pytest.raises(ValueError, match="NVDMTopicModel has no topic proportions"):
        to_topicwizard(fitted["NVDM"], X, ["text"] * len(X))
    pipeline, texts = of_texts
    data = to_topicwizard(pipeline, texts)
    np.testing.assert_allclose(data["transform"](texts), pipeline.transform(texts))
