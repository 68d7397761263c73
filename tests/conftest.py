import os
from collections import Counter

# Before scipy is imported, so that the array API check of scikit-learn is not skipped.
os.environ.setdefault("SCIPY_ARRAY_API", "1")

import numpy as np
import pytest
import torch
from sklearn.decomposition import LatentDirichletAllocation

from skvae.datasets import make_topic_corpus

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def corpus():
    """A planted corpus: counts `data`, true `doc_topic` and `components`."""
    return make_topic_corpus(
        n_samples=300, n_features=40, n_components=3, mean_length=30, random_state=0
    )


@pytest.fixture
def two_pairs():
    """An LDA with topics 0 and 3 alike, 1 and 2 less so."""
    model = LatentDirichletAllocation(4, max_iter=1).fit(np.eye(20))
    model.components_ = np.zeros((4, 20))
    model.components_[0, :4], model.components_[3, :4] = [4, 3, 2, 1], [8, 6, 4, 1]
    model.components_[1, 8:12], model.components_[2, 10:14] = 1, 1
    return model


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def pytest_terminal_summary(terminalreporter):
    """Sum up what tests have tried, as docs/trust.md tells it."""
    counts = Counter()
    for report in terminalreporter.getreports("passed"):
        for name, number in report.user_properties:
            counts[name] += number
    if counts:
        tried = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
        terminalreporter.write_line(f"Tried: {tried}.")
