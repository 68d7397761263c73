"""Displays draw what the tables say, legibly, and where they are told to."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, PCA, LatentDirichletAllocation
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline

import skvae
from skvae import GSMTopicModel, NVDMTopicModel, VAETransformer
from skvae.datasets import make_topic_corpus
from skvae.inspection import embedding_map, top_words, topic_sizes
from skvae.metrics import npmi_coherence

plt = pytest.importorskip("matplotlib.pyplot")
from skvae.plotting import (  # noqa: E402
    EmbeddingMapDisplay,
    InterpolationDisplay,
    LatentSpaceDisplay,
    ManifoldDisplay,
    ModelSelectionDisplay,
    ReconstructionDisplay,
    TopicDocumentsDisplay,
    TopicHierarchyDisplay,
    TopicPrevalenceDisplay,
    TopicWordsDisplay,
    TrainingCurveDisplay,
    TraversalDisplay,
    draw_images,
)
from skvae.plotting._images import tile  # noqa: E402
from skvae.plotting.labels import place_labels  # noqa: E402

NAMES = [f"w{j}" for j in range(40)]
FAST = dict(max_epochs=3, hidden_layer_sizes=(20,), random_state=0)


@pytest.fixture(autouse=True)
def figures():
    plt.switch_backend("agg")
    plt.close("all")  # of doctests
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def data():
    corpus = make_topic_corpus(300, 40, 3, word_concentration=0.4, random_state=0)
    return pd.DataFrame(corpus.data.toarray(), columns=NAMES), corpus.target


@pytest.fixture(scope="module")
def models(data):
    X, _ = data
    return {
        "GSM": GSMTopicModel(3, **FAST).fit(X),
        "NVDM": NVDMTopicModel(3, **FAST).fit(X),
        "LDA": LatentDirichletAllocation(3, random_state=0).fit(X),
        "NMF": NMF(3, init="nndsvda").fit(X),
    }


@pytest.fixture(scope="module")
def vae():
    X = load_digits().data[:200] / 16
    return VAETransformer(2, likelihood="bernoulli", **FAST).fit(X), X


KINDS = ["GSM", "NVDM", "LDA", "NMF"]


def save(display):
    """Draw it for good, as a user would; warnings are errors."""
    display.figure_.savefig(io.BytesIO())


def bars(ax):
    """Words and lengths of the bars of a panel, from the top."""
    order = np.argsort(ax.get_yticks())
    if not ax.yaxis_inverted():
        order = order[::-1]
    words = [text.get_text() for text in ax.get_yticklabels()]
    return [words[i] for i in order], [ax.patches[i].get_width() for i in order]


# --- topics ------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["GSM", "LDA", "NMF"])
def test_topic_words_are_those_of_the_table(models, data, name):
    X, _ = data
    display = TopicWordsDisplay.from_estimator(models[name], X, n_words=5)
    save(display)
    share = topic_sizes(models[name], X)["share"].to_numpy()
    table = top_words(models[name], 5)
    p = models[name].components_
    p = p / p.sum(axis=1, keepdims=True)
    for k, ax in zip(np.argsort(-share), display.axes_.flat):
        words, lengths = bars(ax)
        assert words == table.iloc[k].tolist()
        expected = p[k, [NAMES.index(word) for word in words]]
        np.testing.assert_allclose(lengths, expected)
        assert ax.get_title(loc="left") == f"topic {k}  ({share[k]:.1%})"


def test_topic_words_of_signed_weights(models):
    display = TopicWordsDisplay.from_estimator(models["NVDM"], topics=[2, 0], n_words=4)
    save(display)
    words, lengths = bars(display.axes_[0, 0])
    assert words == top_words(models["NVDM"], 4).iloc[2].tolist()
    np.testing.assert_allclose(lengths, np.sort(models["NVDM"].components_[2])[:-5:-1])
    assert display.axes_[0, 0].get_title(loc="left") == "topic 2"
    assert display.axes_[-1, 0].get_xlabel() == "weight of the word"


def test_topic_words_take_the_place_of_axes(models):
    figure, (left, right) = plt.subplots(1, 2)
    display = TopicWordsDisplay.from_estimator(
        models["LDA"], by="frex", weight=0.3, n_words=3, ax=right, n_columns=2
    )
    assert display.figure_ is figure and display.axes_.shape == (2, 2)
    assert right not in figure.axes and left in figure.axes
    expected = top_words(models["LDA"], 3, by="frex", weight=0.3).iloc[1].tolist()
    assert bars(display.axes_[0, 1])[0] == expected
    save(display)


def test_images_are_drawn_given_covariates():
    X, y = load_digits(return_X_y=True)
    X, y = X[:60] / 16, y[:60]
    E = X[:, :3]
    model = VAETransformer(2, likelihood="bernoulli", max_epochs=1, random_state=0)
    model.fit(X, covariates=y, embeddings=E)
    shown = ReconstructionDisplay.from_estimator(
        model, X[:4], n_draws=1, covariates=y[:4], embeddings=E[:4], random_state=0
    ).images
    codes = model.transform(X[:4], covariates=y[:4], embeddings=E[:4])
    expected = model.inverse_transform(codes, covariates=y[:4])
    np.testing.assert_array_equal(shown["reconstructions"], expected)
    model = VAETransformer(2, likelihood="bernoulli", max_epochs=1, random_state=0)
    model.fit(X, covariates=y)
    of_one, of_two = (
        ManifoldDisplay.from_estimator(model, n=2, covariates=label).images
        for label in (1, 2)
    )
    assert not np.allclose(of_one, of_two)
    ways = InterpolationDisplay.from_estimator(
        model, X[:2], X[2:4], n_steps=3, covariates=7
    ).images
    expected = model.interpolate(X[0], X[2], n_steps=3, covariates=7)
    np.testing.assert_allclose(ways[0], expected, rtol=1e-6)
    with pytest.raises(ValueError, match="PCA knows no covariates"):
        ReconstructionDisplay.from_estimator(PCA(2).fit(X), X, covariates=y)


def test_documents_are_drawn_given_covariates(data):
    X, y = data
    model = GSMTopicModel(2, **FAST).fit(X, covariates=y)
    display = TopicWordsDisplay.from_estimator(model, X, covariates=y)
    sizes = topic_sizes(model, X, covariates=y)["share"].sort_values(ascending=False)
    np.testing.assert_array_equal(display.shares, sizes)
    display = LatentSpaceDisplay.from_estimator(make_pipeline(model), X, covariates=y)
    np.testing.assert_array_equal(display.codes, model.transform(X, covariates=y))


def test_bars_of_all_topics_have_one_scale():
    words = pd.DataFrame([["a", "b"]] * 4, index=list("wxyz"))
    values = np.array([[0.02, 0.01], [0.03, 0.01], [0.04, 0.0], [0.9, 0.01]])
    display = TopicWordsDisplay(words, values).plot()
    save(display)
    lengths = [[bar.get_width() for bar in ax.patches] for ax in display.axes_.flat]
    # Twice the median of the longest; what goes beyond is broken.
    np.testing.assert_allclose(lengths, np.minimum(values, 0.07))
    assert len({ax.get_xlim() for ax in display.axes_.flat}) == 1
    broken = [ax.lines[0].get_ydata().tolist() for ax in display.axes_.flat]
    assert broken == [[], [], [], [0]]
    assert display.axes_[0, 3].texts[0].get_text() == "90.0%"
    display.plot(sharex=False)
    lengths = [[bar.get_width() for bar in ax.patches] for ax in display.axes_.flat]
    np.testing.assert_allclose(lengths, values)
    assert "a scale for each topic" in display.axes_[0, 0].get_xlabel()


@pytest.mark.parametrize("name", ["GSM", "LDA", "NMF"])
def test_classes_of_topics(models, data, name):
    X, y = data
    labels = np.array(["red", "green", "blue"])[y]
    display = TopicDocumentsDisplay.from_estimator(models[name], X, labels, n_words=2)
    save(display)
    shares = display.shares
    assert list(shares.columns) == ["blue", "green", "red"]
    np.testing.assert_allclose(shares.sum(axis=0), 1)
    theta = models[name].transform(X)
    theta = theta / theta.sum(axis=1, keepdims=True)
    words = top_words(models[name], 2)
    for k in range(3):
        row = shares.loc[f"topic {k}  {' '.join(words.iloc[k])}"]
        np.testing.assert_allclose(row["red"], theta[labels == "red", k].mean())
    drawn = display.ax_.images[0].get_array()
    np.testing.assert_allclose(drawn, shares)
    with pytest.raises(ValueError, match=r"y has shape \(2,\), but X has 300 docum"):
        TopicDocumentsDisplay.from_estimator(models[name], X, y[:2])


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
    y = np.array([f"a class, the {k}th" for k in range(12)])[np.arange(600) % 12]
    figure, axes = plt.subplots(1, 2, figsize=(9, 4), layout=layout)
    display = LatentSpaceDisplay(codes, y).plot(ax=axes[1])
    save(display)
    boxes = [text.get_bbox_patch().get_window_extent() for text in display.texts_]
    assert len(boxes) > 3
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
    legend = axes[1].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        f"a class, the {k}th" for k in range(12)
    ]
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
    expected = [
        f"topic {k}  {' '.join(words.iloc[k])}" for k in theta[drawn].argmax(axis=1)
    ]
    assert display.y.tolist() == expected
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


# --- training and selection ---------------------------------------------------------


def test_training_curves_are_the_history(data):
    X, _ = data
    model = NVDMTopicModel(3, early_stopping=True, **FAST).fit(X)
    display = TrainingCurveDisplay.from_estimator(make_pipeline("passthrough", model))
    save(display)
    loss, likelihood, kl, units = display.axes_[0]
    lines = {line.get_label(): line.get_ydata() for line in loss.lines}
    np.testing.assert_array_equal(lines["training"], model.history_["loss"])
    np.testing.assert_array_equal(lines["held out"], model.history_["validation_loss"])
    best = f"kept: epoch {model.health_['best_epoch']}"
    assert best in [text.get_text() for text in loss.get_legend().get_texts()]
    np.testing.assert_array_equal(kl.lines[0].get_ydata(), model.history_["kl"])
    heights = [bar.get_height() for bar in units.patches]
    kl = model.health_["kl_per_unit"]
    np.testing.assert_allclose(heights, np.sort(kl)[::-1])
    numbers = [text.get_text() for text in units.get_xticklabels()]
    assert numbers == [str(k) for k in np.argsort(-kl)]
    active = model.health_["active_units"]
    assert units.get_xlabel() == f"{active} of 3 units in use"
    display = TrainingCurveDisplay.from_estimator(NVDMTopicModel(3, **FAST).fit(X))
    assert len(display.axes_[0, 0].lines) == 1


def test_models_without_history_are_told_apart(models):
    with pytest.raises(TypeError, match="NMF keeps no history of its training"):
        TrainingCurveDisplay.from_estimator(models["NMF"])


def test_selection_of_a_search_shows_perplexity_and_the_choice(data):
    X, _ = data
    grid = {"n_components": [2, 3, 5], "lr": [0.01, 1e-5]}
    search = GridSearchCV(NVDMTopicModel(**FAST), grid, cv=2).fit(X)
    display = ModelSelectionDisplay.from_estimator(search)
    save(display)
    cv = pd.DataFrame(search.cv_results_)
    for k, row in cv.groupby("param_n_components"):
        best = row.loc[row["mean_test_score"].idxmax()]
        splits = np.exp(-best[["split0_test_score", "split1_test_score"]].astype(float))
        shown = display.results.set_index("n_components").loc[k]
        assert shown["value"] == pytest.approx(splits.mean())
        assert shown["std"] == pytest.approx(splits.std(ddof=0))
    assert display.choices == {"": search.best_params_["n_components"]}
    assert display.axes_[0, 0].get_title(loc="left") == "perplexity"


def test_selection_of_a_search_with_several_scorers():
    texts = ["cat cat dog", "dog cat the", "train bus the", "bus train train"] * 5
    search = GridSearchCV(
        make_pipeline(CountVectorizer(), NMF(init="random", random_state=0)),
        {"nmf__n_components": [1, 2]},
        scoring={
            "npmi": lambda model, X: npmi_coherence(model, X, n_words=2),
            "topics": lambda model, X: -len(model[-1].components_),
        },
        refit="topics",
        cv=2,
    ).fit(texts)
    display = ModelSelectionDisplay.from_estimator(search)
    save(display)
    assert display.results["metric"].unique().tolist() == ["npmi", "topics"]
    assert display.results["value"].tolist()[2:] == [-1, -2]
    assert display.choices == {"": 1}
    with pytest.raises(
        ValueError, match=r"went over \['nmf__n_components'\]. Pass par"
    ):
        ModelSelectionDisplay.from_estimator(search, parameter="topics")


def test_selection_of_a_comparison_joins_families():
    table = pd.DataFrame(
        {"perplexity": [90, 50, 40, 45, 60.0], "npmi": [np.nan, 0.1, 0.2, 0.3, 0.4]},
        index=["unigram", "GSM 5", "GSM 10", "GSM 20", "LDA 10"],
    ).assign(diversity=0.5, perplexity_std=1.0)
    display = ModelSelectionDisplay.from_comparison(table)
    save(display)
    assert display.choices == {"GSM": 10, "LDA": 10}
    panel = display.axes_[0, 0]
    labels = [text.get_text() for text in panel.get_legend().get_texts()]
    assert set(labels) == {"unigram", "GSM", "LDA"}
    gsm = next(c for c in panel.containers if c.get_label() == "GSM")
    np.testing.assert_array_equal(
        gsm.lines[0].get_xydata(), [[5, 50], [10, 40], [20, 45]]
    )
    with pytest.raises(ValueError, match="The table has no model. Pass what compare_"):
        ModelSelectionDisplay.from_comparison(table.iloc[:1])
    # What a table has beyond that, if it is known, has panels in a second row.
    more = table.assign(npmi_test=0.2, stability=0.0, nmi=np.nan)
    display = ModelSelectionDisplay.from_comparison(more)
    save(display)
    shown = [ax.get_title("left") for ax in display.axes_.flat if ax.get_visible()]
    assert display.axes_.shape == (2, 3) and shown == [
        *["perplexity", "coherence (npmi)", "coherence, held-out texts"],
        *["diversity", "stability over seeds"],
    ]


def test_models_of_any_name_have_a_bar_each():
    table = pd.DataFrame(
        {"perplexity": [90, 50, 40, 45.0], "nmi": [np.nan, 0.1, 0.3, np.nan]},
        index=["unigram", "GSM 20", "LDA 20", "mine"],
    ).assign(npmi=[np.nan, -0.1, 0.2, 0.1], npmi_std=[np.nan, 0.1, 0.1, 0.1])
    display = ModelSelectionDisplay.from_comparison(table)
    save(display)
    assert display.choices == {}
    for ax, metric in zip(display.axes_.flat, ["perplexity", "npmi", "nmi"]):
        lengths = [bar.get_width() for bar in ax.patches]
        expected = table.loc[["GSM 20", "LDA 20", "mine"], metric]
        np.testing.assert_allclose(lengths, expected.fillna(0))
        # The best one is dark: LDA, by whichever.
        dark = np.argmin([sum(bar.get_facecolor()[:3]) for bar in ax.patches])
        assert dark == 1
    words, _ = bars(display.axes_[0, 0])
    assert words == ["GSM 20", "LDA 20", "mine"]
    numbers = [text.get_text() for text in display.axes_[0, 2].texts]
    assert numbers == ["0.1", "0.3", "none"]
    # A single number of each family makes no line.
    display = ModelSelectionDisplay.from_comparison(table.drop(index="mine"))
    assert bars(display.axes_[0, 0])[0] == ["GSM 20", "LDA 20"]


# --- images ------------------------------------------------------------------------


def test_images_are_tiled_in_order():
    rows = np.arange(1, 4)[:, None] / 4 * np.ones(6)  # three grey images of 2 x 3
    picture = tile(rows, (1, 2, 3), n_columns=2)[..., 0]
    gap = [0.0]
    first = [0.25] * 3 + gap + [0.5] * 3
    second = [0.75] * 3 + gap + [0.0] * 3
    np.testing.assert_array_equal(picture, [first, first, gap * 7, second, second])
    colours = np.array([[0.1, 0.1, 0.2, 0.2, 0.3, 0.3]])  # red, green, blue
    np.testing.assert_array_equal(tile(colours, (3, 1, 2), 1)[0, 0], [0.1, 0.2, 0.3])


@pytest.mark.parametrize("other", [PCA(2), NMF(2, init="nndsvda", max_iter=500)])
def test_reconstructions(vae, other):
    model, X = vae
    display = ReconstructionDisplay.from_estimator(
        model, X[:6], n_draws=2, random_state=0
    )
    save(display)
    names = ["images", "reconstructions", "draw 1", "draw 2"]
    assert list(display.images) == names
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == names
    np.testing.assert_allclose(
        display.images["reconstructions"], model.reconstruct(X[:6])
    )
    assert (display.images["draw 1"] != display.images["draw 2"]).any()
    picture = display.ax_.images[0].get_array()
    np.testing.assert_allclose(picture[:8, :8].ravel(), X[0])
    save(ReconstructionDisplay.from_estimator(other.fit(X), X[:4]))


def test_manifold_decodes_the_plane_of_codes(vae):
    model, _ = vae
    display = ManifoldDisplay.from_estimator(model, n=5)
    save(display)
    middle = model.inverse_transform(model.latent_mean_[None])
    np.testing.assert_allclose(display.images[12], middle[0])
    std = np.sqrt(np.diag(model.latent_covariance_))
    corner = model.latent_mean_ + std * [-2.053749, 2.053749]  # the quantile 2 %
    np.testing.assert_allclose(
        display.images[0], model.inverse_transform(corner[None])[0], rtol=1e-5
    )
    with pytest.raises(TypeError, match="PCA has no latent_mean_"):
        ManifoldDisplay.from_estimator(PCA(2).fit(np.eye(4)))


def test_interpolations_are_the_models_own(vae):
    model, X = vae
    display = InterpolationDisplay.from_estimator(model, X[:2], X[2:4], n_steps=7)
    save(display)
    np.testing.assert_allclose(display.images[1], model.interpolate(X[1], X[3], 7))
    with pytest.raises(ValueError, match="X_start has 2 images and X_end has 1, of 64"):
        InterpolationDisplay.from_estimator(model, X[:2], X[:1])


def test_traversals_change_one_dimension_at_a_time(vae):
    model, X = vae
    display = TraversalDisplay.from_estimator(model, n_steps=5)
    save(display)
    order = np.argsort(-model.health_["kl_per_unit"])
    assert [name[:11] for name in display.row_names] == [
        f"dimension {k}" for k in order
    ]
    std = np.sqrt(np.diag(model.latent_covariance_))
    for images, k in zip(display.images, order):
        codes = model.latent_mean_ + np.linspace(-2, 2, 5)[:, None] * std * np.eye(2)[k]
        expected = model.inverse_transform(codes)
        np.testing.assert_allclose(images, expected, rtol=1e-5)
    shown = TraversalDisplay.from_estimator(model, X[0], dimensions=[1]).images[0]
    code = model.transform(X[:1])[0]
    codes = [[code[0], model.latent_mean_[1] - 2 * std[1]]]
    np.testing.assert_allclose(shown[:1], model.inverse_transform(codes), rtol=1e-5)
    with pytest.raises(ValueError, match=r"x has 2 rows. Pass one image, as X\[0\]"):
        TraversalDisplay.from_estimator(model, X[:2])
    with pytest.raises(TypeError, match="PCA has no latent_mean_"):
        TraversalDisplay.from_estimator(PCA(2).fit(X))


def test_many_images_are_few_and_one_is_no_matrix(vae):
    model, X = vae
    E = X[:, :2]
    display = ReconstructionDisplay.from_estimator(model, X)
    assert display.images["images"].shape == (10, 64)
    assert display.ax_.get_title(loc="left") == "the first 10 of 200 images"
    assert max(display.figure_.get_size_inches()) < 10
    one = ReconstructionDisplay.from_estimator(model, X[3])
    np.testing.assert_array_equal(one.images["images"], X[3:4])
    assert one.ax_.get_title(loc="left") == ""
    display = InterpolationDisplay.from_estimator(model, X[0], X[1], n_steps=4)
    np.testing.assert_allclose(display.images[0], model.interpolate(X[0], X[1], 4))
    InterpolationDisplay.from_estimator(model, X[0], X[:1])
    display = InterpolationDisplay.from_estimator(model, X[:100], X[100:])
    assert display.images.shape == (10, 10, 64)
    assert display.ax_.get_title(loc="left") == "the first 10 of 100 pairs"
    given = VAETransformer(2, likelihood="bernoulli", max_epochs=1, random_state=0)
    given.fit(X, covariates=np.arange(200) % 3, embeddings=E)
    beside = dict(covariates=np.arange(200) % 3, embeddings=E)
    shown = ReconstructionDisplay.from_estimator(given, X, n_images=4, **beside).images
    expected = given.reconstruct(X, **beside)[:4]
    np.testing.assert_allclose(shown["reconstructions"], expected, rtol=1e-5)


def test_rows_are_drawn_as_they_are(vae):
    _, X = vae
    ax = draw_images(X, title="digits")
    picture = ax.images[0].get_array()
    assert picture.shape[1] == 14 * 9 - 1  # 14 x 15 images
    np.testing.assert_array_equal(picture[:8, :8].ravel(), X[0])
    assert ax.get_title(loc="left") == "digits"
    _, mine = plt.subplots()
    assert draw_images(X[0], ax=mine) is mine
    assert mine.images[0].get_array().shape == (8, 8)
    colours = draw_images(np.zeros((3, 48)), n_columns=1).images[0].get_array()
    assert colours.shape == (14, 4, 3)  # 3 x 4 x 4 values are the only squares


def test_shapes_of_images(vae):
    model, X = vae
    wide = ReconstructionDisplay.from_estimator(model, X[:2], image_shape=(4, 16))
    assert wide.image_shape == (1, 4, 16)
    own = VAETransformer(2, image_shape=(2, 32), **FAST).fit(X)
    assert ReconstructionDisplay.from_estimator(own, X[:2]).image_shape == (1, 2, 32)
    with pytest.raises(ValueError, match=r"64 values, which make no image of shape"):
        ReconstructionDisplay.from_estimator(model, X[:2], image_shape=(3, 8, 8))
    with pytest.raises(ValueError, match=r"come first: image_shape=\(1, 8, 8\)"):
        draw_images(X, image_shape=(8, 8, 1))
    with pytest.raises(ValueError, match="2 channels, but 1, grey, or 3, red"):
        ReconstructionDisplay.from_estimator(model, X, image_shape=(2, 4, 8))
    with pytest.raises(ValueError, match="63 values, which make no square image"):
        draw_images(X[:, :63])


def test_what_is_drawn_with_is_imported_late():
    code = "import sys, skvae, skvae.plotting, skvae.inspection; print(*sys.modules)"
    # Jupyter completes names by dir().
    assert "report" in dir(skvae) and callable(skvae.report)
    with pytest.raises(AttributeError, match="no attribute 'reports'"):
        skvae.reports  # noqa: B018
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    loaded = run.stdout.split()
    assert "skvae.plotting" in loaded
    assert not {"matplotlib", "pyLDAvis", "jinja2", "sklearn.manifold"} & set(loaded)


def test_matplotlib_is_asked_for_by_name(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"pip install 'skvae\[plot\]'"):
        TopicWordsDisplay.from_estimator(models["LDA"])


# --- what a user meets ----------------------------------------------------------------


@pytest.mark.parametrize("name", skvae.plotting.__all__)
def test_models_are_shown_the_door_that_takes_them(models, name):
    display = getattr(skvae.plotting, name)
    if name != "draw_images":
        with pytest.raises(TypeError, match=f"Call {name}.from_estimator, which"):
            display(models["GSM"])
        assert callable(display.from_estimator)


@pytest.mark.parametrize(
    ("odd", "shown"),
    [
        ("$\\frac$ $5", "$\\frac$ $5"),  # no formula
        ("\ud800", "\ufffd"),
        ("a\n\tb\0\x07", "a  b\ufffd\ufffd"),
        ("_hidden", "_hidden"),  # from legends of matplotlib
        ("", ""),
        ("long" * 1000, "long" * 10 + " ..."),
    ],
)
def test_texts_of_any_kind_are_drawn(odd, shown):
    X = np.random.default_rng(0).poisson(1.0, (40, 4))
    labels = np.array([odd, "b"], dtype=object)[np.arange(40) % 2]
    many = np.array([odd, *NAMES[:19]], dtype=object)[np.arange(40) % 20]
    names = [odd, *NAMES[:3]]
    lda = LatentDirichletAllocation(3, random_state=0).fit(X)
    named = skvae.TopicGroups(lda, {odd or "empty": [0]}).fit(X)
    options = {"feature_names": names, "n_words": 4}
    table = pd.DataFrame(
        {"perplexity": [3.0, 2.0, 1.0]}, [f"{odd} 5", f"{odd} 9", "b 5"]
    )
    displays = [
        TopicWordsDisplay.from_estimator(named, X, **options),
        EmbeddingMapDisplay.from_estimator(lda, **options),
        TopicDocumentsDisplay.from_estimator(lda, X, labels, **options),
        LatentSpaceDisplay.from_estimator(lda, X, labels),
        LatentSpaceDisplay.from_estimator(lda, X, many),
        LatentSpaceDisplay.from_estimator(named, X, dimensions=(0, 1)),
        TopicHierarchyDisplay.from_estimator(named, **options),
        TopicPrevalenceDisplay.from_estimator(named, X, labels, **options),
        ModelSelectionDisplay.from_comparison(table),
        ModelSelectionDisplay.from_comparison(table.iloc[1:]),
        ModelSelectionDisplay(
            pd.DataFrame([(odd, "", 2, 1.0, np.nan)]).set_axis(
                ["metric", "family", "n_components", "value", "std"], axis=1
            ),
            {},
        ).plot(),
    ]
    for display in displays:
        save(display)
        texts = display.figure_.findobj(plt.Text)
        drawn = [text for text in texts if shown in text.get_text()]
        assert drawn and not any(text.get_parse_math() for text in drawn if shown)


def test_axes_of_any_figure(models, data):
    figure = plt.figure()
    ax = figure.add_axes([0.5, 0.5, 0.4, 0.4])
    display = TopicWordsDisplay.from_estimator(models["LDA"], ax=ax, n_words=3)
    save(display)
    assert display.axes_[0, 0].get_position().x0 == pytest.approx(0.5)
    with pytest.raises(ValueError, match="ax is in no figure any more"):
        display.plot(ax=ax)
    figure = plt.figure(layout="constrained")
    left, _ = figure.subfigures(1, 2)
    EmbeddingMapDisplay.from_estimator(models["LDA"], ax=left.subplots())
    figure.savefig(io.BytesIO())


def test_relevance_of_words_goes_by_the_documents(models, data):
    X, _ = data
    X = X.assign(**{name: 40 for name in top_words(models["LDA"], 1).iloc[0]})
    display = TopicWordsDisplay.from_estimator(
        models["LDA"],
        X,
        by="relevance",
        weight=0.2,
        topics=["topic 0"],
    )
    expected = top_words(models["LDA"], 8, by="relevance", weight=0.2, X=X)
    assert bars(display.axes_[0, 0])[0] == expected.iloc[0].tolist()
    with pytest.raises(ValueError, match="topic=7, but the topics are 0 to 2"):
        TopicWordsDisplay.from_estimator(models["LDA"], topics=[7])


def test_searches_of_any_kind(data):
    X, _ = data
    model = NVDMTopicModel(**FAST)

    def constant(model, X, y=None):
        return -len(model.components_)

    own = GridSearchCV(model, {"n_components": [2, 3]}, scoring=constant, cv=2).fit(X)
    results = ModelSelectionDisplay.from_estimator(own).results
    assert results["metric"].tolist() == ["score", "score"]
    assert results["value"].tolist() == [-2, -3]
    with pytest.raises(NotFittedError):
        ModelSelectionDisplay.from_estimator(GridSearchCV(model, {}))
    with pytest.raises(TypeError, match="NVDMTopicModel is no search. Pass a fitted"):
        ModelSelectionDisplay.from_estimator(model)

    metrics = {"a": constant, "b": constant}
    several = GridSearchCV(
        model, {"n_components": [2, 3]}, scoring=metrics, refit=False, cv=2
    ).fit(X)
    assert ModelSelectionDisplay.from_estimator(several).choices == {"": 2}

    halving = HalvingGridSearchCV(
        model, {"n_components": [2, 3, 4]}, cv=2, min_resources=30, random_state=0
    ).fit(X)
    display = ModelSelectionDisplay.from_estimator(halving)
    best = display.results.set_index("n_components").loc[
        halving.best_params_["n_components"]
    ]
    splits = pd.DataFrame(halving.cv_results_).loc[halving.best_index_]
    splits = splits[["split0_test_score", "split1_test_score"]].astype(float)
    assert best["value"] == pytest.approx(np.exp(-splits).mean())

    grid = [{"m__n_components": [2, 3]}, {"m": [PCA(2)]}]
    pipeline = Pipeline([("m", PCA())])
    mixed = GridSearchCV(pipeline, grid, cv=2).fit(X)
    shown = ModelSelectionDisplay.from_estimator(mixed, parameter="m__n_components")
    assert shown.results["n_components"].tolist() == [2, 3]


def test_outputs_as_frames_are_drawn_too(data):
    X = load_digits().data[:100] / 16
    pca = PCA(2).set_output(transform="pandas").fit(X)
    save(InterpolationDisplay.from_estimator(pca, X[:2], X[2:4]))
    save(LatentSpaceDisplay.from_estimator(pca, X))
    rng = np.random.RandomState(0)
    vae = VAETransformer(1, likelihood="bernoulli", **FAST).fit(X)
    save(ReconstructionDisplay.from_estimator(vae, X[:2], n_draws=1, random_state=rng))
    with pytest.raises(TypeError, match="PCA has no posterior to draw from"):
        ReconstructionDisplay.from_estimator(pca, X[:2], n_draws=1)
    with pytest.raises(ValueError, match="has one component, but a plane needs two"):
        ManifoldDisplay.from_estimator(vae)


def test_one_epoch_is_a_point(data):
    model = NVDMTopicModel(3, **FAST | {"max_epochs": 1}).fit(data[0])
    display = TrainingCurveDisplay.from_estimator(model)
    save(display)
    assert display.axes_[0, 0].lines[0].get_marker() == "o"


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
