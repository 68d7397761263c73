import numpy as np
import pandas as pd
import pytest
from helpers import planted_topics
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from skvae.inspection import top_words


@pytest.fixture(scope="session")
def X():
    return planted_topics()


@pytest.fixture(scope="session")
def lda(X):
    return LatentDirichletAllocation(3, max_iter=5, random_state=0).fit(X)


@pytest.fixture(scope="session")
def nmf(X):
    return NMF(3, init="nndsvda", max_iter=500, random_state=0).fit(X)


NAMES = [f"word{v:02d}" for v in range(18)]


@pytest.fixture(scope="session")
def frame(X):
    return pd.DataFrame(X, columns=NAMES)


@pytest.fixture(scope="session")
def texts(X):
    """Of the counts, as lists of words."""
    return [np.repeat(NAMES, row.astype(int)).tolist() for row in X]


@pytest.fixture(scope="session")
def named(frame, texts):
    """The same topics in all forms that know their words."""
    nmf = NMF(3, init="nndsvda", max_iter=500, random_state=0)
    pipeline = make_pipeline(CountVectorizer(), nmf).fit([" ".join(t) for t in texts])
    words, weights = top_words(pipeline, 6), pipeline[-1].components_
    by_frame = NMF(3, init="nndsvda", max_iter=500, random_state=0).fit(frame)
    in_columns = pd.DataFrame(weights, columns=NAMES)
    lists = [words, words.to_numpy(), words.to_numpy().tolist()]
    return [pipeline, by_frame, in_columns, *lists]


@pytest.fixture(scope="session")
def unnamed(named):
    """These topics in all forms that know their columns alone."""
    nmf = named[0][-1]
    weights = nmf.components_
    columns = np.argsort(-weights, axis=1, kind="stable").tolist()
    return [nmf, weights, pd.DataFrame(weights), columns]
