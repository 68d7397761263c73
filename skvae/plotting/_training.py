"""How training went, and which latent units it has put to use."""

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skvae.models.fitted import last_step
from skvae.models.health import ACTIVE
from skvae.plotting import _style as style


class TrainingCurveDisplay(style.Display):
    """Loss, likelihood and KL term of each epoch; KL term of each latent unit.

    Make it with `from_estimator`.

    Parameters
    ----------
    history : DataFrame
        `history_` of a fitted model.
    best_epoch : int, default=None
        Epoch to mark.
    kl_per_unit : array of shape (n_components,), default=None
        ``health_["kl_per_unit"]`` of the model, in nats.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (1, 4)
        For loss, likelihood, KL term, and this by latent unit; the last one only where
        units have such a term.
    figure_ : matplotlib Figure

    See Also
    --------
    TraversalDisplay : What the units of a model of images do.
    skvae.report : Has these curves too.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skvae import VAETransformer
    >>> from skvae.plotting import TrainingCurveDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> vae = VAETransformer(2, max_epochs=3, random_state=0).fit(X)
    >>> display = TrainingCurveDisplay.from_estimator(vae)
    >>> len(display.history)
    3
    >>> display.kl_per_unit.shape
    (2,)
    """

    def __init__(self, history, *, best_epoch=None, kl_per_unit=None):
        self.history = history
        self.best_epoch = best_epoch
        self.kl_per_unit = kl_per_unit

    @classmethod
    def from_estimator(cls, model, **plot_options):
        """Draw the training of a fitted model.

        Parameters
        ----------
        model : estimator or Pipeline
            A fitted model of skvae, or a fitted Pipeline that ends in one.
        **plot_options
            Passed on to `plot`.

        Returns
        -------
        display : TrainingCurveDisplay
            With the picture drawn.

        Raises
        ------
        TypeError
            If the model keeps no history, such as LDA and NMF.
        """
        last = last_step(model)
        check_is_fitted(last)
        if not hasattr(last, "history_"):
            raise TypeError(
                f"{type(last).__name__} has no history_. Pass a model of skvae."
            )
        best, units = last.health_["best_epoch"], last.health_["kl_per_unit"]
        return cls(
            last.history_,
            best_epoch=best if "validation_loss" in last.history_ else None,
            kl_per_unit=units if np.any(units) else None,
        ).plot(**plot_options)

    def plot(self, ax=None):
        """Draw the curves, and the latent units in the order of their KL terms.

        Units of at most 0.01 nats are grey: they are not in use.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes whose place the panels take; by default they get a new figure.

        Returns
        -------
        self : TrainingCurveDisplay
            The display, with its axes and figure.
        """
        n_panels = 3 if self.kl_per_unit is None else 4
        size = (10 / 3, 3)
        self.figure_, self.axes_ = style.grid_of_axes(ax, n_panels, n_panels, size)
        loss, likelihood, kl, *units = self.axes_[0]
        epochs = self.history.index
        # A line of one epoch would be none.
        look = dict(color=style.PALETTE[0], marker="o" if len(epochs) == 1 else None)
        loss.plot(epochs, self.history["loss"], label="training", **look)
        if "validation_loss" in self.history:
            dashed = look | dict(color=style.PALETTE[1], linestyle="--")
            held_out = self.history["validation_loss"]
            loss.plot(epochs, held_out, label="held out", **dashed)
        if self.best_epoch is not None:
            kept = f"kept: epoch {self.best_epoch}"
            loss.axvline(self.best_epoch, color="0.6", linewidth=1, label=kept)
        if len(loss.lines) > 1:
            loss.legend(frameon=False, fontsize=8, handlelength=1.5)
        likelihood.plot(epochs, self.history["reconstruction"], **look)
        kl.plot(epochs, self.history["kl"], **look)
        kl.set_ylim(bottom=0)
        for panel in loss, likelihood, kl:
            panel.set_xlabel("epoch", fontsize=9)
            panel.locator_params(axis="x", integer=True)
        for panel in units:
            self._draw_units(panel)
        titles = ["loss", "log-likelihood", "KL term", "KL term by unit"]
        for panel, title in zip(self.axes_[0], titles):
            style.set_bold_title(panel, title, fontsize=10)
            panel.tick_params(labelsize=9)
            style.clear_frame(panel)
        loss.set_ylabel("nats per row, mean", fontsize=9)
        return self

    def _draw_units(self, panel):
        order = np.argsort(-self.kl_per_unit, kind="stable")
        kl = self.kl_per_unit[order]
        in_use = kl > ACTIVE
        width = 0.8 if len(kl) <= 30 else 1.0  # gaps of many would be a haze
        colors = np.where(in_use, style.PALETTE[0], "0.7")
        panel.bar(np.arange(len(kl)), kl, color=colors, width=width)
        named = order if len(kl) <= 15 else order[:0]
        panel.set_xticks(np.arange(len(named)), named)
        panel.tick_params(axis="x", length=0)
        panel.set_xlabel(f"{in_use.sum()} of {len(kl)} units in use", fontsize=9)
