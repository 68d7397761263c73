"""Images: reconstructions, the manifold, the way from one to another."""

import math

import numpy as np
from scipy.stats import norm
from sklearn.utils import check_random_state

from skvae.fitted.beside import as_keywords
from skvae.plotting._style import one_axes


def image_shape_of(model, n_features, image_shape=None):
    """Return (channels, height, width) of the images that rows hold.

    Given, else the model's own, else square and grey.
    """
    shape = image_shape
    if shape is None:
        shape = getattr(model, "image_shape", None)
    if shape is None:
        side = math.isqrt(n_features)
        shape = (side, side)
    shape = (1, *shape)[-3:]
    if math.prod(shape) != n_features:
        raise ValueError(
            f"Rows have {n_features} values, which make no image of shape {shape}. "
            "Pass image_shape=(height, width) or (channels, height, width)."
        )
    return tuple(int(n) for n in shape)


def tile(rows, image_shape, n_columns):
    """Return one picture of many images, side by side with a blank line between.

    Parameters
    ----------
    rows : array of shape (n_images, n_features)
        Values from 0 to 1; what lies beyond is cut off.
    image_shape : tuple of 3 int
        (channels, height, width).
    n_columns : int

    Returns
    -------
    picture : array of shape (height, width, channels)
    """
    blank = 0 if image_shape[0] == 1 else 1  # white, grey values being ink
    images = np.asarray(rows).reshape(-1, *image_shape).clip(0, 1)
    images = np.pad(images, ((0, 0), (0, 0), (1, 0), (1, 0)), constant_values=blank)
    rest = np.full((-len(images) % n_columns, *images.shape[1:]), blank)
    images = np.concatenate([images, rest])
    images = images.reshape(-1, n_columns, *images.shape[1:])
    picture = images.transpose(0, 3, 1, 4, 2)
    height, width = picture.shape[0] * picture.shape[1], n_columns * picture.shape[3]
    return picture.reshape(height, width, -1)[1:, 1:]


def draw_images(ax, rows, image_shape, n_columns, *, title=None, row_names=None):
    """Draw images side by side, such as those that a model sampled.

    Parameters
    ----------
    ax : matplotlib Axes
        Where to draw.
    rows : array-like of shape (n_images, n_features)
        Values from 0 to 1; what lies beyond is cut off. Grey images are drawn as ink on
        white.
    image_shape : tuple of int
        (height, width) or (channels, height, width).
    n_columns : int
        Number of images in a line.
    title : str, default=None
        Title of the axes.
    row_names : list of str, default=None
        Names of the lines.

    See Also
    --------
    ReconstructionDisplay : Images above their reconstructions.
    skvae.VAETransformer.sample : Draws new rows.

    Examples
    --------
    >>> import matplotlib.pyplot as plt
    >>> from sklearn.datasets import load_digits
    >>> from skvae.plotting import draw_images
    >>> _, ax = plt.subplots()
    >>> draw_images(ax, load_digits().data[:20] / 16, (8, 8), n_columns=10)
    """
    image_shape = (1, *image_shape)[-3:]
    picture = tile(rows, image_shape, n_columns)
    if picture.shape[-1] == 1:
        ax.imshow(picture[..., 0], cmap="gray_r", vmin=0, vmax=1)
    else:
        ax.imshow(picture)
    ax.spines[:].set_visible(False)
    ax.set(xticks=[], yticks=[])
    if row_names is not None:
        step = image_shape[1] + 1
        middles = np.arange(len(row_names)) * step + (step - 1) / 2 - 0.5
        ax.set_yticks(middles, row_names, fontsize=9)
        ax.tick_params(length=0)
    if title is not None:
        ax.set_title(title, loc="left", fontsize=10)


def size_of(n_rows, n_columns, image_shape, side=0.55):
    """Size of a figure, in inches, of so many images."""
    ratio = image_shape[1] / image_shape[2]
    return (n_columns * side + 1.0, n_rows * side * ratio + 0.4)


class ReconstructionDisplay:
    """Images above their reconstructions.

    Make it with `from_estimator`.

    Parameters
    ----------
    images : dict of str to array of shape (n_images, n_features)
        Rows of pictures by their names; values from 0 to 1.
    image_shape : tuple of 3 int
        (channels, height, width).

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    skvae.VAETransformer.reconstruct : The rows as an array.
    draw_images : Draws any images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from skvae.plotting import ReconstructionDisplay
    >>> X = load_digits().data / 16
    >>> display = ReconstructionDisplay.from_estimator(PCA(10).fit(X), X[:12])
    >>> list(display.images)
    ['images', 'reconstructions']
    """

    def __init__(self, images, image_shape):
        self.images = images
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        model,
        X,
        *,
        n_draws=0,
        random_state=None,
        image_shape=None,
        covariates=None,
        embeddings=None,
        **plot_options,
    ):
        """Draw what a fitted model makes of images.

        Parameters
        ----------
        model : estimator
            Fitted, with `transform` and `inverse_transform`: a `VAETransformer`, PCA,
            NMF.
        X : array of shape (n_images, n_features)
            Images to show, values from 0 to 1.
        n_draws : int, default=0
            Number of reconstructions from codes drawn from the posterior, beside those
            from its mean; `VAETransformer` only.
        random_state : int, RandomState instance or None, default=None
            Of the draws.
        image_shape : tuple of int, default=None
            (height, width) or (channels, height, width); by default the model's, else
            square and grey.
        covariates : array-like, default=None
            Of the images, if the model was fitted with covariates.
        embeddings : array-like of shape (n_images, n_embedding_features), default=None
            Of the images, if the model was fitted with embeddings.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : ReconstructionDisplay
            With the picture drawn.
        """
        shape = image_shape_of(model, np.shape(X)[1], image_shape)
        known = as_keywords(model, covariates=covariates)
        given = known | as_keywords(model, embeddings=embeddings)
        decoded = model.inverse_transform(model.transform(X, **given), **known)
        images = {"images": np.asarray(X), "reconstructions": np.asarray(decoded)}
        if n_draws and not hasattr(model, "reconstruct"):
            raise TypeError(
                f"{type(model).__name__} has no posterior to draw from. Leave n_draws "
                "at 0, or pass a VAETransformer."
            )
        rng = check_random_state(random_state)
        for i in range(n_draws):
            draw = model.reconstruct(X, sample=True, random_state=rng, **given)
            images[f"draw {i + 1}"] = draw
        return cls(images, shape).plot(**plot_options)

    def plot(self, ax=None):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default those of a new figure.

        Returns
        -------
        self : ReconstructionDisplay
            The display, with its axes and figure.
        """
        n_images = len(self.images["images"])
        size = size_of(len(self.images), n_images, self.image_shape)
        self.figure_, self.ax_ = one_axes(ax, size)
        draw_images(
            self.ax_,
            np.concatenate(list(self.images.values())),
            self.image_shape,
            n_images,
            row_names=list(self.images),
        )
        return self


class ManifoldDisplay:
    """What the places of a plane of codes decode to.

    Make it with `from_estimator`.

    Parameters
    ----------
    images : array of shape (n * n, n_features)
        Line by line from the top; values from 0 to 1.
    image_shape : tuple of 3 int
        (channels, height, width).
    dimensions : pair of int
        The dimensions of the code to the right and upwards.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    LatentSpaceDisplay : Which rows have their codes there.
    InterpolationDisplay : From one image to another.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skvae import VAETransformer
    >>> from skvae.plotting import ManifoldDisplay
    >>> X = load_digits().data / 16
    >>> vae = VAETransformer(2, likelihood="bernoulli", max_epochs=2, random_state=0)
    >>> display = ManifoldDisplay.from_estimator(vae.fit(X), n=8)
    >>> display.images.shape
    (64, 64)
    """

    def __init__(self, images, image_shape, dimensions=(0, 1)):
        self.images = images
        self.image_shape = image_shape
        self.dimensions = dimensions

    @classmethod
    def from_estimator(
        cls,
        model,
        *,
        n=20,
        dimensions=(0, 1),
        image_shape=None,
        covariates=None,
        **plot_options,
    ):
        """Draw the images that a fitted autoencoder has on a plane.

        The codes are quantiles 2 % to 98 % of a normal distribution with mean and
        variance of the codes of the training data; dimensions that are not shown are at
        their means.

        Parameters
        ----------
        model : VAETransformer
            Fitted, with two dimensions or more.
        n : int, default=20
            Number of images in a row, and of rows.
        dimensions : pair of int, default=(0, 1)
            The dimensions of the code to the right and upwards.
        image_shape : tuple of int, default=None
            (height, width) or (channels, height, width); by default the model's, else
            square and grey.
        covariates : label, or array-like of shape (n_covariates,), default=None
            Of all images alike, if the model was fitted with covariates.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : ManifoldDisplay
            With the picture drawn.

        Raises
        ------
        TypeError
            If the model has no normal codes, such as PCA.
        """
        if not hasattr(model, "latent_mean_"):
            raise TypeError(
                f"{type(model).__name__} has no latent_mean_. Pass a fitted "
                "VAETransformer."
            )
        if len(model.latent_mean_) < 2:
            raise ValueError(
                f"{type(model).__name__} has one component, but a plane needs two."
            )
        quantiles = norm.ppf(np.linspace(0.02, 0.98, n))
        right, up = dimensions
        codes = np.tile(model.latent_mean_, (n, n, 1))
        std = np.sqrt(np.diag(model.latent_covariance_))
        codes[..., right] += std[right] * quantiles
        codes[..., up] += std[up] * quantiles[::-1, None]
        given = as_keywords(model, covariates=covariates)
        images = model.inverse_transform(codes.reshape(n * n, -1), **given)
        shape = image_shape_of(model, images.shape[1], image_shape)
        return cls(images, shape, dimensions).plot(**plot_options)

    def plot(self, ax=None):
        """Draw the images.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default those of a new figure.

        Returns
        -------
        self : ManifoldDisplay
            The display, with its axes and figure.
        """
        n = math.isqrt(len(self.images))
        side = min(0.55, 8 / n)
        self.figure_, self.ax_ = one_axes(ax, size_of(n, n, self.image_shape, side))
        draw_images(self.ax_, self.images, self.image_shape, n)
        right, up = self.dimensions
        self.ax_.set_xlabel(f"latent dimension {right} \N{RIGHTWARDS ARROW}")
        self.ax_.set_ylabel(f"latent dimension {up} \N{RIGHTWARDS ARROW}")
        return self


class InterpolationDisplay:
    """Images on the way from one to another, along lines between their codes.

    Make it with `from_estimator`.

    Parameters
    ----------
    images : array of shape (n_pairs, n_steps, n_features)
        Values from 0 to 1.
    image_shape : tuple of 3 int
        (channels, height, width).

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    skvae.VAETransformer.interpolate : The rows on the way, as an array.
    draw_images : Draws any images.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skvae import VAETransformer
    >>> from skvae.plotting import InterpolationDisplay
    >>> X = load_digits().data / 16
    >>> vae = VAETransformer(5, likelihood="bernoulli", max_epochs=2, random_state=0)
    >>> display = InterpolationDisplay.from_estimator(vae.fit(X), X[:3], X[3:6])
    >>> display.images.shape
    (3, 10, 64)
    """

    def __init__(self, images, image_shape):
        self.images = images
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        model,
        X_start,
        X_end,
        *,
        n_steps=10,
        image_shape=None,
        covariates=None,
        **plot_options,
    ):
        """Draw the ways that a fitted model has between images.

        Parameters
        ----------
        model : estimator
            Fitted, with `transform` and `inverse_transform`: a `VAETransformer`, PCA,
            NMF.
        X_start, X_end : arrays of shape (n_pairs, n_features)
            Images to start from, and to end at.
        n_steps : int, default=10
            Number of images on a way, with the reconstructions at both ends.
        image_shape : tuple of int, default=None
            (height, width) or (channels, height, width); by default the model's, else
            square and grey.
        covariates : label, or array-like of shape (n_covariates,), default=None
            Of all images alike, if the model was fitted with covariates.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : InterpolationDisplay
            With the picture drawn.
        """
        if np.shape(X_start) != np.shape(X_end):
            raise ValueError(
                f"X_start has shape {np.shape(X_start)} and X_end has "
                f"{np.shape(X_end)}. Pass as many images to end at as to start from."
            )
        given = as_keywords(model, covariates=covariates)
        start, end = (np.asarray(model.transform(X, **given)) for X in (X_start, X_end))
        share = np.linspace(0, 1, n_steps)[None, :, None]
        codes = (1 - share) * start[:, None] + share * end[:, None]
        codes = codes.reshape(-1, codes.shape[-1])
        images = np.asarray(model.inverse_transform(codes, **given))
        shape = image_shape_of(model, images.shape[1], image_shape)
        images = images.reshape(len(start), n_steps, -1)
        return cls(images, shape).plot(**plot_options)

    def plot(self, ax=None):
        """Draw the images, a row for each way.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default those of a new figure.

        Returns
        -------
        self : InterpolationDisplay
            The display, with its axes and figure.
        """
        n_pairs, n_steps, n_features = np.shape(self.images)
        size = size_of(n_pairs, n_steps, self.image_shape)
        self.figure_, self.ax_ = one_axes(ax, size)
        rows = np.reshape(self.images, (-1, n_features))
        draw_images(self.ax_, rows, self.image_shape, n_steps)
        return self
