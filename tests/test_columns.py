"""Columns that have names count by these: another order is refused everywhere."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from helpers import make
from sklearn.base import clone
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
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
    to_topicwizard,
    top_words,
    topic_prevalence,
    topic_sizes,
)
from skvae.metrics import document_completion_perplexity, npmi_coherence
from skvae.plotting import TopicDocumentsDisplay, TopicWordsDisplay

COLUMNS = [f"w{j:02d}" for j in range(20)]
TABLE = pd.DataFrame(
    make_topic_corpus(60, 20, 3, mean_length=12, random_state=0).data.toarray(),
    columns=COLUMNS,
)
MIXED = TABLE[COLUMNS[1::-1] + COLUMNS[2:]]
BY = np.arange(60) % 2
report = partial(skvae.report, path="report.html", baseline=None)
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
    "words": TopicWordsDisplay.from_estimator,
    "classes": lambda m, X: TopicDocumentsDisplay.from_estimator(m, X, BY),
    "report": report,
    "report.X_test": lambda m, X: report(m, TABLE, X_test=X),
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
@pytest.mark.parametrize(
    ("function", "model"),
    [
        (function, model)
        for function in TAKES_X
        for model in NAMED
        if function != "card" or hasattr(NAMED[model], "save")
    ],
)
def test_columns_in_another_order_are_refused(
    function, model, named, tmp_path, monkeypatch
):
    """By position their words would be others, and nothing would tell."""
    monkeypatch.chdir(tmp_path)
    call = TAKES_X[function]
    refusal = "Column 0 of X|The feature names should match"
    with pytest.raises(ValueError, match=refusal):
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
        clone(NAMED["LDA"]).fit(TABLE.to_numpy()), TABLE, held_out=X
    ),
    "feature_names": lambda X: top_words(
        clone(NAMED["LDA"]).fit(TABLE), feature_names=X.columns
    ),
    "windows": lambda X: skvae.metrics.sliding_window_npmi(
        WEIGHTS, [COLUMNS], n_words=3, feature_names=list(X.columns)
    ),
}


@pytest.mark.filterwarnings("ignore:X has feature names", "ignore:Top words never")
@pytest.mark.parametrize("function", TWO_TABLES)
def test_two_tables_have_their_columns_in_one_order(function):
    refusal = "Column 0 of .* is 'w0.', but that of .*'w0.'"
    with pytest.raises(ValueError, match=refusal):
        TWO_TABLES[function](MIXED)
    TWO_TABLES[function](TABLE)


def test_a_vectorizer_and_feature_names_agree():
    texts = ["cat dog", "dog cow", "cow cat"] * 5
    words = ["cat", "cow", "dog"]
    gsm = make(GSMTopicModel, feature_names=words)
    agreed = make_pipeline(CountVectorizer(), gsm).fit(texts)
    assert set(top_words(agreed, 3).iloc[0]) == set(words)
    gsm = clone(gsm).set_params(feature_names=words[::-1])
    match = r"Column 0 of the steps before it is 'cat', but .*names=\) is 'dog'"
    with pytest.raises(ValueError, match=match):
        top_words(make_pipeline(CountVectorizer(), gsm).fit(texts), 3)


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
