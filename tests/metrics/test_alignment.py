"""Agreement with labels."""

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from skvae.metrics import label_alignment

# --- agreement with labels -----------------------------------------------------------


@pytest.mark.parametrize("as_proportions", [False, True])
def test_alignment_against_a_plain_count(as_proportions, rng):
    labels = rng.choice(["a", "b", "c"], 60)
    topics = np.where(
        rng.random(60) < 0.5, (labels == "a") + 1, rng.integers(5, size=60)
    )
    both = [(c, t) for c, t in zip(labels, topics)]
    purity = sum(max(both.count((c, t)) for c in "abc") for t in range(5)) / 60
    inverse = sum(max(both.count((c, t)) for t in range(5)) for c in "abc") / 60
    shares = rng.dirichlet(np.ones(5), size=60)
    shares[np.arange(60), topics] += 1
    found = label_alignment(labels, shares if as_proportions else topics)
    assert found["purity"] == pytest.approx(purity)
    assert found["inverse_purity"] == pytest.approx(inverse)
    assert found["p1"] == pytest.approx(2 / (1 / purity + 1 / inverse))
    assert found["nmi"] == normalized_mutual_info_score(labels, topics)
    assert found["ari"] == adjusted_rand_score(labels, topics)


def test_alignment_is_whole_where_topics_are_the_labels():
    assert (label_alignment([3, 3, 1, 0], [1, 1, -1, 2]) == 1).all()


@pytest.mark.parametrize(
    "topics, match",
    [
        ([0, 1], "inconsistent numbers of samples"),
        ([[0.5, 0.5]] * 2, "inconsistent numbers of samples"),
        ([[-1.0, 2.0]] * 3, "[Nn]egative"),
        ([[np.nan, 1.0]] * 3, "NaN"),
    ],
)
def test_alignment_of_unusable_topics(topics, match):
    with pytest.raises(ValueError, match=match):
        label_alignment([0, 1, 1], topics)
