import pytest
from helpers import planted_topics
from sklearn.decomposition import NMF, LatentDirichletAllocation


@pytest.fixture(scope="session")
def X():
    return planted_topics()


@pytest.fixture(scope="session")
def lda(X):
    return LatentDirichletAllocation(3, max_iter=5, random_state=0).fit(X)


@pytest.fixture(scope="session")
def nmf(X):
    return NMF(3, init="nndsvda", max_iter=500, random_state=0).fit(X)
