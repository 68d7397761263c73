"""Images: reconstructions, the manifold, dimensions one by one, ways between images."""

import math

import numpy as np
import scipy.sparse as sp
from scipy.stats import norm
from sklearn.utils import check_random_state

from skvae.models.fitted import as_keywords, last_step, rows_of
from skvae.plotting import _style as style


def image_shape_of(n_features, shape=None, model=None):
    """Return (channels, height, width) of the images that rows hold.

    Given, else the model's own, else square: gray, or red, green and blue.
    """
    if shape is None and model is not None:
        shape = getattr(last_step(model), "image_shape", None)
    if shape is None:
        squares = [(k, math.isqrt(n_features // k)) for k in (1, 3)]
        shape = next(((k, n, n) for k, n in squares if k * n * n == n_features), ())
    shape = tuple(int(n) for n in np.ravel(shape))
    if len(shape) not in (2, 3) or math.prod(shape) != n_features:
        wrong = f"image of shape {shape}" if shape else "square image"
        raise ValueError(
            f"Rows have {n_features} values, which make no {wrong}. Pass "
            "image_shape=(height, width) or (channels, height, width)."
        )
    shape = (1, *shape)[-3:]
    if shape[0] not in (1, 3):
        raise ValueError(
            f"image_shape={shape} has {shape[0]} channels. Pass (channels, height, "
            "width), with 1 channel, grey, or 3, red, green and blue."
        )
    return shape


def as_rows(X, n=None):
    """Return the first n images, one row each, and how many there are.

    A single image may be a row without a matrix around it.
    """
    if np.ndim(X) == 1:
        X = np.reshape(X, (1, -1))
    return X[:n], np.shape(X)[0]


def as_array(X):
    return X.toarray() if sp.issparse(X) else np.asarray(X)


def title_of_first(n, n_all, what="images"):
    """Title of a picture of the first images, if there are more."""
    return f"the first {n:,} of {n_all:,} {what}" if n < n_all else None


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
    channels, height, width = image_shape
    blank = 0 if channels == 1 else 1  # white, gray values being ink
    images = np.asarray(rows).reshape(-1, *image_shape).clip(0, 1)
    n_missing = -len(images) % n_columns
    gaps = ((0, n_missing), (0, 0), (1, 0), (1, 0))
    images = np.pad(images, gaps, constant_values=blank)
    grid = images.reshape(-1, n_columns, channels, height + 1, width + 1)
    picture = grid.transpose(0, 3, 1, 4, 2)  # lines, y, columns, x, channels
    return picture.reshape(-1, n_columns * (width + 1), channels)[1:, 1:]


def draw_images(
    rows, *, image_shape=None, n_columns=None, title=None, row_names=None, ax=None
):
    """Draw images side by side, such as those that a model sampled.

    Parameters
    ----------
    rows : array-like of shape (n_images, n_features) or (n_features,)
        Values from 0 to 1; what lies beyond is cut off. Grey images are drawn as ink on
        white.
    image_shape : tuple of int, default=None
        (height, width) or (channels, height, width); by default square: grey, or red,
        green and blue where three squares are as many values.
    n_columns : int, default=None
        Number of images in a line; by default 10, or more of more than a hundred.
    title : str, default=None
        Title of the axes.
    row_names : list of str, default=None
        Names of the lines.
    ax : matplotlib Axes, default=None
        Where to draw; by default into a new figure.

    Returns
    -------
    ax : matplotlib Axes
        With the picture drawn.

    Raises
    ------
    ValueError
        If rows hold no images of this shape.

    See Also
    --------
    ReconstructionDisplay : Images above their reconstructions.
    skvae.VAETransformer.sample : Draws new rows.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skvae.plotting import draw_images
    >>> ax = draw_images(load_digits().data[:20] / 16)
    """
    rows = as_array(as_rows(rows)[0])
    image_shape = image_shape_of(rows.shape[1], image_shape)
    if n_columns is None:
        n_columns = min(len(rows), max(10, math.isqrt(len(rows))))
    names = [style.legible(name) for name in row_names or ()]
    width, height = size_in_inches(len(rows), n_columns, image_shape)
    _, ax = style.one_axes(ax, (width + 0.4 + 0.072 * style.longest(names), height))
    picture = tile(rows, image_shape, n_columns)
    # Pixels that have colors keep them, whatever the color map and its scale.
    gray = picture.shape[-1] == 1
    ax.imshow(picture[..., 0] if gray else picture, cmap="gray_r", vmin=0, vmax=1)
    ax.spines[:].set_visible(False)
    ax.set_xticks([])
    middles = middles_of(len(names), image_shape[1])
    style.name_ticks(ax.yaxis, names, middles, fontsize=9)
    ax.tick_params(length=0)
    if names:
        ax.set_anchor("W")  # where the layout leaves room for the names
    if title is not None:
        ax.set_title(style.legible(title, 200), loc="left", fontsize=10, **style.PLAIN)
    return ax


def middles_of(n, length):
    """Where the middles of n images lie that are so many pixels long, with the gaps."""
    return np.arange(n) * (length + 1) + (length - 1) / 2


def size_in_inches(n_images, n_columns, image_shape):
    """Width and height of a figure of so many images."""
    n_rows = -(-n_images // n_columns)
    ratio = image_shape[1] / image_shape[2]
    side = min(0.55, 12 / n_columns, 8 / (n_rows * ratio))
    return n_columns * side, n_rows * side * ratio + 0.4


def moments_of_codes(model):
    """Means and standard deviations of the codes of the training data."""
    if not hasattr(model, "latent_mean_"):
        raise TypeError(
            f"{type(model).__name__} has no latent_mean_. Pass a fitted VAETransformer."
        )
    return model.latent_mean_, np.sqrt(np.diag(model.latent_covariance_))


def codes_of(model, X, covariates=None, embeddings=None):
    """Return the codes of images as an array."""
    side_data = as_keywords(model, covariates=covariates, embeddings=embeddings)
    return as_array(model.transform(X, **side_data))


def decoded(model, codes, image_shape, covariates):
    """Decode codes of shape (..., n_components) to images, and find their shape."""
    side_data = as_keywords(model, covariates=covariates)
    codes_in_rows = codes.reshape(-1, codes.shape[-1])
    rows = as_array(model.inverse_transform(codes_in_rows, **side_data))
    shape = image_shape_of(rows.shape[1], image_shape, model)
    return rows.reshape(*codes.shape[:-1], -1), shape


class ImageDisplay(style.Display):
    """Base class of pictures of images side by side."""

    def __init__(self, images, image_shape, *, title=None):
        self.images = images
        self.image_shape = image_shape
        self.title = title

    def _draw(self, ax, images, n_columns, row_names=None):
        """Draw images, an array of shape (..., n_features)."""
        self.ax_ = draw_images(
            np.reshape(images, (-1, np.shape(images)[-1])),
            image_shape=self.image_shape,
            n_columns=n_columns,
            title=self.title,
            row_names=row_names,
            ax=ax,
        )
        self.figure_ = self.ax_.figure
        return self


class ReconstructionDisplay(ImageDisplay):
    """Images above their reconstructions.

    Make it with `from_estimator`.

    Parameters
    ----------
    images : dict of str to array of shape (n_images, n_features)
        Rows of pictures by their names; values from 0 to 1.
    image_shape : tuple of 3 int
        (channels, height, width).
    title : str, default=None
        Title of the picture.

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
    >>> display = ReconstructionDisplay.from_estimator(PCA(10).fit(X), X)
    >>> display.ax_.get_title(loc="left")
    'the first 10 of 1,797 images'
    """

    @classmethod
    def from_estimator(
        cls,
        model,
        X,
        *,
        n_images=10,
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
        X : array-like of shape (n_samples, n_features) or (n_features,)
            Images to show, values from 0 to 1.
        n_images : int, default=10
            Number of images to show, the first ones, where X has more; the title then
            says so.
        n_draws : int, default=0
            Number of reconstructions from codes drawn from the posterior, beside those
            from its mean; `VAETransformer` only.
        random_state : int, RandomState instance or None, default=None
            Of the draws.
        image_shape : tuple of int, default=None
            (height, width) or (channels, height, width); by default the model's, else
            square, as in `draw_images`.
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
        X, n_all = as_rows(X, n_images)
        n_images = np.shape(X)[0]
        beside = as_keywords(model, covariates=covariates, embeddings=embeddings)
        if n_images < n_all:
            beside = {k: v[:n_images] for k, v in rows_of(model, beside, n_all).items()}
        codes = as_array(model.transform(X, **beside))
        rows, shape = decoded(model, codes, image_shape, beside.get("covariates"))
        images = {"images": as_array(X), "reconstructions": rows}
        if n_draws and not hasattr(model, "reconstruct"):
            name = type(model).__name__
            raise TypeError(f"{name} has no posterior to draw from. Pass n_draws=0.")
        rng = check_random_state(random_state)
        for i in range(n_draws):
            drawn = model.reconstruct(X, sample=True, random_state=rng, **beside)
            images[f"draw {i + 1}"] = drawn
        title = title_of_first(n_images, n_all)
        return cls(images, shape, title=title).plot(**plot_options)

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
        names, images = list(self.images), np.stack(list(self.images.values()))
        return self._draw(ax, images, images.shape[1], names)


class ManifoldDisplay(ImageDisplay):
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
        super().__init__(images, image_shape)
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
            square, as in `draw_images`.
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
        mean, std = moments_of_codes(model)
        if len(mean) < 2:
            raise ValueError(
                f"{type(model).__name__} has one component, but a plane needs two."
            )
        quantiles = norm.ppf(np.linspace(0.02, 0.98, n))
        right, up = dimensions
        codes = np.tile(mean, (n, n, 1))
        codes[..., right] += std[right] * quantiles
        codes[..., up] += std[up] * quantiles[::-1, None]
        codes = codes.reshape(n * n, -1)
        images, shape = decoded(model, codes, image_shape, covariates)
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
        self._draw(ax, self.images, math.isqrt(len(self.images)))
        right, up = self.dimensions
        self.ax_.set_xlabel(f"latent dimension {right} \N{RIGHTWARDS ARROW}")
        self.ax_.set_ylabel(f"latent dimension {up} \N{RIGHTWARDS ARROW}")
        return self


class TraversalDisplay(ImageDisplay):
    """What each dimension of the code does: images along it, the others held.

    Make it with `from_estimator`.

    Parameters
    ----------
    images : array of shape (n_dimensions, n_steps, n_features)
        Values from 0 to 1.
    image_shape : tuple of 3 int
        (channels, height, width).
    row_names : list of str
        Of the dimensions.
    steps : array of shape (n_steps,)
        Where on a dimension the images are, in standard deviations of the codes.
    title : str, default=None
        Title of the picture.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    ManifoldDisplay : Two dimensions at once.
    TrainingCurveDisplay : Which dimensions are in use.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skvae import VAETransformer
    >>> from skvae.plotting import TraversalDisplay
    >>> X = load_digits().data / 16
    >>> vae = VAETransformer(5, likelihood="bernoulli", max_epochs=2, random_state=0)
    >>> display = TraversalDisplay.from_estimator(vae.fit(X))
    >>> display.images.shape
    (5, 9, 64)
    """

    def __init__(self, images, image_shape, row_names, steps, *, title=None):
        super().__init__(images, image_shape, title=title)
        self.row_names = row_names
        self.steps = steps

    @classmethod
    def from_estimator(
        cls,
        model,
        x=None,
        *,
        n_steps=9,
        dimensions=None,
        image_shape=None,
        covariates=None,
        **plot_options,
    ):
        """Draw what the dimensions of a fitted autoencoder's code do to an image.

        Each line changes one dimension, from two standard deviations of the codes of
        the training data below their mean to two above. A line of images that are all
        alike belongs to a dimension that is not in use.

        Parameters
        ----------
        model : VAETransformer
            Fitted.
        x : array-like of shape (n_features,), default=None
            Image that is changed; by default the one of the mean code.
        n_steps : int, default=9
            Number of images in a line.
        dimensions : list of int, default=None
            Dimensions to show, in this order; by default those with the largest KL
            terms, at most ten.
        image_shape : tuple of int, default=None
            (height, width) or (channels, height, width); by default the model's, else
            square, as in `draw_images`.
        covariates : label, or array-like of shape (n_covariates,), default=None
            Of all images alike, if the model was fitted with covariates.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : TraversalDisplay
            With the picture drawn.

        Raises
        ------
        TypeError
            If the model has no normal codes, such as PCA.
        """
        mean, std = moments_of_codes(model)
        start, kl = mean, model.health_["kl_per_unit"]
        if x is not None:
            x, n_rows = as_rows(x)
            if n_rows != 1:
                raise ValueError(f"x has {n_rows} rows. Pass one image, as X[0].")
            (start,) = codes_of(model, x, covariates)
        title = None
        if dimensions is None:
            dimensions = np.argsort(-(kl if kl.any() else std), kind="stable")[:10]
            if len(dimensions) < len(mean):
                title = f"{len(dimensions)} of {len(mean)} dimensions, by KL term"
        dimensions = list(dimensions)
        steps = np.linspace(-2, 2, n_steps)
        codes = np.tile(start, (len(dimensions), n_steps, 1))
        for line, k in zip(codes, dimensions):
            line[:, k] = mean[k] + std[k] * steps
        images, shape = decoded(model, codes, image_shape, covariates)
        names = [f"dimension {k}" for k in dimensions]
        if kl.any():
            names = [f"{n}, {kl[k]:.2f} nats" for n, k in zip(names, dimensions)]
        return cls(images, shape, names, steps, title=title).plot(**plot_options)

    def plot(self, ax=None):
        """Draw the images, a line for each dimension.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            By default those of a new figure.

        Returns
        -------
        self : TraversalDisplay
            The display, with its axes and figure.
        """
        n_steps = len(self.steps)
        self._draw(ax, self.images, n_steps, self.row_names)
        names = [f"{step:+.1f}" if step else "mean" for step in self.steps]
        places = middles_of(n_steps, self.image_shape[2])
        self.ax_.set_xticks(places, names, fontsize=8)
        self.ax_.set_xlabel("standard deviations of the codes", fontsize=9)
        return self


class InterpolationDisplay(ImageDisplay):
    """Images on the way from one to another, along lines between their codes.

    Make it with `from_estimator`.

    Parameters
    ----------
    images : array of shape (n_pairs, n_steps, n_features)
        Values from 0 to 1.
    image_shape : tuple of 3 int
        (channels, height, width).
    title : str, default=None
        Title of the picture.

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
    >>> display = InterpolationDisplay.from_estimator(vae.fit(X), X[0], X[1])
    >>> display.images.shape
    (1, 10, 64)
    """

    @classmethod
    def from_estimator(
        cls,
        model,
        X_start,
        X_end,
        *,
        n_images=10,
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
        X_start, X_end : array-like of shape (n_pairs, n_features) or (n_features,)
            Images to start from, and to end at.
        n_images : int, default=10
            Number of pairs to show, the first ones, where there are more; the title
            then says so.
        n_steps : int, default=10
            Number of images on a way, with the reconstructions at both ends.
        image_shape : tuple of int, default=None
            (height, width) or (channels, height, width); by default the model's, else
            square, as in `draw_images`.
        covariates : label, or array-like of shape (n_covariates,), default=None
            Of all images alike, if the model was fitted with covariates.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : InterpolationDisplay
            With the picture drawn.
        """
        X_start, n_all = as_rows(X_start, n_images)
        X_end, n_end = as_rows(X_end, n_images)
        widths = np.shape(X_start)[1], np.shape(X_end)[1]
        if n_all != n_end or widths[0] != widths[1]:
            raise ValueError(
                f"X_start has {n_all} images of {widths[0]} values, and X_end {n_end} "
                f"of {widths[1]}. Pass as many images to end at as to start from."
            )
        start, end = (codes_of(model, X, covariates) for X in (X_start, X_end))
        share = np.linspace(0, 1, n_steps)[None, :, None]
        codes = (1 - share) * start[:, None] + share * end[:, None]
        images, shape = decoded(model, codes, image_shape, covariates)
        title = title_of_first(len(start), n_all, "pairs")
        return cls(images, shape, title=title).plot(**plot_options)

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
        return self._draw(ax, self.images, np.shape(self.images)[1])
