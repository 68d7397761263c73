"""Words of the topics, with the right names in the right order."""

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skvae.inspection import top_words

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
        [list("ebda"), list("debc")], index=["topic0", "topic1"], columns=range(4)
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
    assert list(words.index) == ["nmf0", "nmf1"]


def test_all_sources_of_names_agree():
    vectorizer = CountVectorizer()
    counts = vectorizer.fit_transform(TEXTS)
    names = vectorizer.get_feature_names_out()
    lda = LatentDirichletAllocation(2, max_iter=3, random_state=0)
    expected = top_words(make_pipeline(vectorizer, lda).fit(TEXTS), 3)
    assert list(expected.index) == [f"latentdirichletallocation{k}" for k in range(2)]

    frame = pd.DataFrame(counts.toarray(), columns=names)
    lda.fit(frame)
    pd.testing.assert_frame_equal(top_words(lda, 3), expected)
    pd.testing.assert_frame_equal(top_words(make_pipeline(lda), 3), expected)
    lda.fit(counts)
    pd.testing.assert_frame_equal(top_words(lda, 3, feature_names=names), expected)


def test_given_names_come_before_those_of_the_fit():
    frame = pd.DataFrame([[3, 1], [3, 1]], columns=["a", "b"])
    nmf = NMF(1, init="nndsvda").fit(frame)
    assert top_words(nmf, 2).loc["nmf0"].tolist() == ["a", "b"]
    assert top_words(nmf, 2, feature_names=["x", "y"]).loc["nmf0"].tolist() == [
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


@pytest.mark.parametrize("n_words", [0, 4])
def test_top_words_needs_enough_features(n_words):
    model = Components().fit(np.ones((2, 3)))
    with pytest.raises(ValueError, match=f"n_words={n_words}, but the topics weigh 3"):
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
