"""The picture of the tree of topics."""

import numpy as np
import pytest

from skvae.plotting import TopicHierarchyDisplay

plt = pytest.importorskip("matplotlib.pyplot")


def test_the_picture_has_groups_and_captions(two_pairs):
    lda, names = two_pairs, [f"${j}_" for j in range(20)]  # no formulas
    display = TopicHierarchyDisplay.from_estimator(
        lda, n_groups=2, n_words=2, feature_names=names
    )
    groups = display.groups_
    assert groups[0] == groups[3] != groups[1] == groups[2]
    labels = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert sorted(labels)[0] == "topic 0  $0_ $1_" and len(labels) == 4
    colors = {label.get_color() for label in display.ax_.get_yticklabels()}
    assert len(colors) == 2
    display.figure_.canvas.draw()
    _, ax = plt.subplots()
    assert display.plot(ax).ax_ is ax
    assert (display.groups_ == 1).all()
    with pytest.raises(ValueError, match="n_groups == 5"):
        display.plot(n_groups=5)


def test_the_matrix_has_the_order_of_the_leaves(two_pairs):
    lda = two_pairs
    display = TopicHierarchyDisplay.from_estimator(
        lda, matrix=True, n_groups=2, feature_names=[f"w{j}" for j in range(20)]
    )
    display.figure_.canvas.draw()
    ax = display.matrix_ax_
    labels = [label.get_text() for label in ax.get_yticklabels()]
    order = [int(label.split()[1]) for label in labels]
    p = lda.components_ / lda.components_.sum(axis=1, keepdims=True)
    distances = np.sqrt(((np.sqrt(p)[:, None] - np.sqrt(p)) ** 2).sum(axis=-1) / 2)
    shown = ax.images[0].get_array()
    off = ~np.eye(4, dtype=bool)
    np.testing.assert_allclose(shown[off], distances[order][:, order][off])
    assert np.isnan(np.diag(shown.filled(np.nan))).all()
    # Lines of the tree end where lines of the matrix are.
    assert ax.get_ylim() == display.ax_.get_ylim()
    assert not any(label.get_text() for label in display.ax_.get_yticklabels())
    plain = TopicHierarchyDisplay(display.hierarchy, display.captions)
    with pytest.raises(ValueError, match="no matrix without distances="):
        plain.plot(matrix=True)
