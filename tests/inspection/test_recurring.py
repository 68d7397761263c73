"""Topics that recur in several fits."""

import numpy as np
import pytest
from helpers import make
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.exceptions import NotFittedError

from skvae import GSMTopicModel
from skvae.inspection import recurring_topics

# --- recurring topics -------------------------------------------------------------


def test_topics_recur_where_other_fits_have_their_words():
    words = np.eye(4).repeat(3, axis=1) + 0.01 * np.arange(12)[::-1]
    fits = []
    for order in ([0, 1, 2], [2, 0, 3], [1, 0]):
        lda = LatentDirichletAllocation(len(order), random_state=0).fit(words)
        lda.components_ = words[order]
        fits.append(lda)
    names = [f"w{j}" for j in range(12)]
    found = recurring_topics([fits[0], None, *fits[1:]], n_words=3, feature_names=names)
    assert found.shape == (8, 2)
    # 0 and 2 of the first are in the second as well, 0 and 1 in the third.
    first = found.loc[0]
    assert first["words"].tolist() == ["w0 w1 w2", "w3 w4 w5", "w6 w7 w8"]
    assert first["recurrence"].tolist() == [1, 0.5, 0.5]
    assert found.loc[2, "recurrence"].tolist() == [1, 0.5, 0]
    # The one whose topics recur most comes first.
    assert found.index.get_level_values("fit").unique().tolist() == [3, 0, 2]
    assert found.index[-1] == (2, "topic 2")
    assert recurring_topics(fits, n_words=3).columns.tolist() == ["recurrence"]


def test_a_single_fit_says_nothing_of_recurrence(corpus):
    fit = make(GSMTopicModel).fit(corpus.data)
    with pytest.raises(ValueError, match="There are 1 fits. Pass two or more"):
        recurring_topics([fit, None])
    with pytest.raises(NotFittedError):
        recurring_topics([fit, make(GSMTopicModel)])
