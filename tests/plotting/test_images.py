"""Pictures of rows that are images."""

import numpy as np
import pytest
from helpers import save
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF, PCA

from skvae import VAETransformer
from skvae.plotting import (
    InterpolationDisplay,
    LatentSpaceDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
    TraversalDisplay,
    draw_images,
)
from skvae.plotting._images import tile

plt = pytest.importorskip("matplotlib.pyplot")

FAST = dict(max_epochs=3, hidden_layer_sizes=(20,), random_state=0)


def test_images_are_drawn_given_covariates():
    X, y = load_digits(return_X_y=True)
    X, y = X[:60] / 16, y[:60]
    model = VAETransformer(2, likelihood="bernoulli", max_epochs=1, random_state=0)
    beside = dict(covariates=y, embeddings=X[:, :3])
    model.fit(X, **beside)
    shown = ReconstructionDisplay.from_estimator(
        model, X, n_images=4, n_draws=1, random_state=0, **beside
    ).images
    expected = model.inverse_transform(model.transform(X, **beside), covariates=y)[:4]
    np.testing.assert_allclose(shown["reconstructions"], expected, rtol=1e-5)
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
    given = dict(n_draws=2, random_state=0)
    display = ReconstructionDisplay.from_estimator(model, X[:6], **given)
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
    told = "X_start has 2 images of 64 values, and X_end 1"
    with pytest.raises(ValueError, match=told):
        InterpolationDisplay.from_estimator(model, X[:2], X[:1])


def test_traversals_change_one_dimension_at_a_time(vae):
    model, X = vae
    display = TraversalDisplay.from_estimator(model, n_steps=5)
    save(display)
    order = np.argsort(-model.health_["kl_per_unit"])
    names = [name[:11] for name in display.row_names]
    assert names == [f"dimension {k}" for k in order]
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
    with pytest.raises(ValueError, match=r"has 8 channels. Pass \(channels, height"):
        draw_images(X, image_shape=(8, 8, 1))
    with pytest.raises(ValueError, match=r"2 channels\. Pass"):
        ReconstructionDisplay.from_estimator(model, X, image_shape=(2, 4, 8))
    with pytest.raises(ValueError, match="63 values, which make no square image"):
        draw_images(X[:, :63])


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
