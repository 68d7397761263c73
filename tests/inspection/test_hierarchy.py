"""Which topics are alike: the tree of topics."""

import numpy as np
import pytest
from helpers import make
from scipy.cluster.hierarchy import is_valid_linkage
from sklearn.decomposition import NMF
from sklearn.exceptions import NotFittedError

from skvae import GSMTopicModel, NVDMTopicModel
from skvae.datasets import make_topic_corpus
from skvae.inspection import topic_hierarchy

X = make_topic_corpus(60, 20, 3, mean_length=12, random_state=0).data


def test_the_closest_topics_are_merged_first(two_pairs):
    hierarchy = topic_hierarchy(two_pairs)
    assert is_valid_linkage(hierarchy)
    assert [set(row) for row in hierarchy[:, :2]] == [{0, 3}, {1, 2}, {4, 5}]
    p, q = (two_pairs.components_[k] / two_pairs.components_[k].sum() for k in (0, 3))
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


def test_equal_topics_and_a_single_one(two_pairs):
    two_pairs.components_[:] = two_pairs.components_[0]
    np.testing.assert_allclose(topic_hierarchy(two_pairs)[:, 2], 0, atol=1e-7)
    with pytest.raises(ValueError, match="single topic"):
        topic_hierarchy(make(GSMTopicModel, n_components=1).fit(X))
