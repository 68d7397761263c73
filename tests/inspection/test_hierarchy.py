"""Which topics are alike: the tree of topics."""

import numpy as np
import pytest
from helpers import make
from scipy.cluster.hierarchy import is_valid_linkage
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.exceptions import NotFittedError

from skvae import GSMTopicModel, NVDMTopicModel
from skvae.datasets import make_topic_corpus
from skvae.inspection import topic_hierarchy

X = make_topic_corpus(60, 20, 3, mean_length=12, random_state=0).data


@pytest.fixture
def lda():
    """With topics 0 and 3 alike, 1 and 2 less so."""
    model = LatentDirichletAllocation(4, random_state=0).fit(X)
    model.components_ = np.zeros((4, 20))
    model.components_[0, :4], model.components_[3, :4] = [4, 3, 2, 1], [8, 6, 4, 1]
    model.components_[1, 8:12], model.components_[2, 10:14] = 1, 1
    return model


def test_the_closest_topics_are_merged_first(lda):
    hierarchy = topic_hierarchy(lda)
    assert is_valid_linkage(hierarchy)
    assert [set(row) for row in hierarchy[:, :2]] == [{0, 3}, {1, 2}, {4, 5}]
    p, q = (lda.components_[k] / lda.components_[k].sum() for k in (0, 3))
    hellinger = np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2)
    np.testing.assert_allclose(hierarchy[:, 2], [hellinger, 0.5**0.5, 1])


@pytest.mark.parametrize(
    "model", [make(GSMTopicModel), make(NVDMTopicModel), NMF(2, max_iter=500)]
)
def test_any_topic_model(model):
    with pytest.raises(NotFittedError):
        topic_hierarchy(model)
    (row,) = topic_hierarchy(model.fit(X))
    assert 0 < row[2] < 1 and row[3] == 2


def test_equal_topics_and_a_single_one(lda):
    lda.components_[:] = lda.components_[0]
    np.testing.assert_allclose(topic_hierarchy(lda)[:, 2], 0, atol=1e-7)
    with pytest.raises(ValueError, match="single topic"):
        topic_hierarchy(make(GSMTopicModel, n_components=1).fit(X))
