"""Maps of topics, words and documents, and of codes."""

import numpy as np
import pytest
from helpers import save
from sklearn.decomposition import PCA

from skvae.inspection import embedding_map, top_words
from skvae.inspection.maps import place_labels
from skvae.plotting import EmbeddingMapDisplay, LatentSpaceDisplay

plt = pytest.importorskip("matplotlib.pyplot")

KINDS = ["GSM", "NVDM", "LDA", "NMF"]


# --- maps --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(3, 3), (10, 7.5)])
@pytest.mark.parametrize("name", KINDS)
def test_labels_of_the_map_do_not_cover_each_other(models, data, name, size):
    _, ax = plt.subplots(figsize=size, layout="constrained")
    display = EmbeddingMapDisplay.from_estimator(
        models[name], data[0], ax=ax, label_documents=True
    )
    save(display)
    renderer = display.figure_.canvas.get_renderer()
    boxes = [text.get_window_extent(renderer) for text in display.texts_]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        assert ax.bbox.x0 <= box.x0 and box.x1 <= ax.bbox.x1
        assert ax.bbox.y0 <= box.y0 and box.y1 <= ax.bbox.y1
    shown = [text.get_text() for text in display.texts_]
    names = [" ".join(words) for words in top_words(models[name], 2).to_numpy()]
    assert {f"{k} {words}" for k, words in enumerate(names)} <= set(shown)
    assert len(shown) > 10


def test_map_draws_points_of_the_table(models, data):
    points = embedding_map(models["LDA"], data[0], n_words=3, n_documents=4)
    display = EmbeddingMapDisplay(points).plot()
    drawn = {c.get_label(): c.get_offsets() for c in display.ax_.collections}
    for kind in ("topic", "word", "document"):
        expected = points.loc[points["kind"] == kind, ["x", "y"]]
        np.testing.assert_allclose(drawn[f"{kind}s"], expected)
    colours = {c.get_label(): c.get_facecolor()[0, :3] for c in display.ax_.collections}
    assert colours["words"].argmax() == 1  # green
    assert colours["topics"].argmax() == 0
    assert colours["documents"].argmax() == 2


def test_latent_space_of_two_dimensions_is_what_transform_gives(vae):
    model, X = vae
    y = np.arange(200) % 3
    display = LatentSpaceDisplay.from_estimator(model, X, y)
    save(display)
    np.testing.assert_array_equal(display.codes, model.transform(X))
    groups = {c.get_label(): c.get_offsets() for c in display.ax_.collections}
    np.testing.assert_allclose(groups["1"], model.transform(X)[y == 1])
    assert {text.get_text() for text in display.texts_} == {"0", "1", "2"}
    legend = display.ax_.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["0", "1", "2"]


@pytest.mark.parametrize("layout", ["constrained", None])
def test_labels_of_classes_do_not_cover_each_other(vae, layout):
    """Nor does the legend leave the figure, whoever lays it out."""
    rng = np.random.default_rng(0)
    codes = rng.normal(0, 0.1, (600, 2))  # all in one place
    names = [f"a class, the {k}th" for k in range(12)]
    y = np.array(names)[np.arange(600) % 12]
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout=layout)
    display = LatentSpaceDisplay(codes, y).plot(ax=axes[1])
    save(display)
    boxes = [text.get_bbox_patch().get_window_extent() for text in display.texts_]
    assert len(boxes) > 3
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
    legend = axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == names
    assert legend.get_window_extent().x1 <= figure.bbox.x1
    assert legend.get_window_extent().x0 >= axes[1].bbox.x1


def test_few_whole_numbers_are_classes_and_others_a_scale():
    codes, ranks = np.random.default_rng(0).normal(size=(400, 2)), np.arange(400)
    for y in (ranks % 7, ranks % 7 * 1.0):
        display = LatentSpaceDisplay(codes, y).plot()
        assert len(display.ax_.get_legend().get_texts()) == 7
    for y in (ranks, ranks % 7 / 2, np.where(ranks > 9, ranks, np.nan)):
        display = LatentSpaceDisplay(codes, y).plot()
        save(display)
        assert display.ax_.get_legend() is None
        bar = display.figure_.axes[1].get_tightbbox()
        assert bar.x1 <= display.figure_.bbox.x1
    y = np.array([f"c{int(k**0.5)}" for k in range(900)], dtype=object)
    display = LatentSpaceDisplay(np.tile(codes, (3, 1))[:900], y).plot()
    names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    # The largest, in the order of their numbers.
    assert names == [*(f"c{k}" for k in range(11, 30)), "11 others"]
    assert display.ax_.collections[-1].get_offsets().shape == (121, 2)


def test_documents_by_their_main_topic(models, data):
    X, _ = data
    options = dict(transformer=PCA(2), subsample=100)
    display = LatentSpaceDisplay.from_estimator(models["GSM"], X, "topic", **options)
    assert display.ax_.get_title(loc="left") == "PCA of 100 of 300 rows"
    again = LatentSpaceDisplay.from_estimator(models["GSM"], X, "topic", **options)
    np.testing.assert_array_equal(display.codes, again.codes)
    # A row's code tells which it is.
    theta = models["GSM"].transform(X)
    rng = np.random.default_rng(0)
    drawn = np.sort(rng.choice(300, 100, replace=False))
    np.testing.assert_allclose(display.codes, PCA(2).fit_transform(theta[drawn]))
    words = top_words(models["GSM"], 3)
    names = [f"topic {k}  {' '.join(words.iloc[k])}" for k in range(3)]
    assert display.y.tolist() == [names[k] for k in theta[drawn].argmax(axis=1)]
    with pytest.raises(ValueError, match="NVDMTopicModel has no topic proportions"):
        LatentSpaceDisplay.from_estimator(models["NVDM"], X, "topic")
    with pytest.raises(ValueError, match="y='label'. Pass a class for each row, or"):
        LatentSpaceDisplay.from_estimator(models["GSM"], X, "label")


def test_latent_space_of_more_dimensions(models, data):
    X, y = data
    display = LatentSpaceDisplay.from_estimator(models["GSM"], X, y, dimensions=(2, 0))
    save(display)
    np.testing.assert_array_equal(display.codes, models["GSM"].transform(X)[:, [2, 0]])
    assert display.ax_.get_xlabel() == "topic 2"
    assert display.ax_.get_title(loc="left") == ""
    display = LatentSpaceDisplay.from_estimator(
        models["GSM"], X, X.sum(axis=1) + 0.5, transformer=PCA(2)
    )
    save(display)
    assert len(display.figure_.axes) == 2  # a scale of colours
    many = [f"class {i % 20}" for i in range(len(X))]
    display = LatentSpaceDisplay.from_estimator(models["LDA"], X, many)
    save(display)
    assert len(display.ax_.get_legend().get_texts()) == 20
    with pytest.raises(ValueError, match=r"y has shape \(1,\), but X has 300 rows"):
        LatentSpaceDisplay.from_estimator(models["GSM"], X, [1])


def test_first_labels_have_the_choice_and_the_last_ones_no_room():
    sizes = np.tile([30.0, 10.0], (40, 1))
    points = np.zeros((40, 2))
    bounds = np.array([-60, -40, 60, 40])
    centres = place_labels(points, sizes, bounds, gap=4)
    np.testing.assert_allclose(centres[0], [19, 0])  # to the right, 4 apart
    placed = np.flatnonzero(np.isfinite(centres[:, 0]))
    assert 5 < len(placed) < 30 and placed.max() == len(placed) - 1
    wall = np.array([[1, -40, 60, 40]])
    centres = place_labels(points[:2], sizes[:2], bounds, gap=4, obstacles=wall)
    assert (centres[:, 0] < 0).all()
