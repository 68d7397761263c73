"""How training went, and how many components to take."""

from sklearn.utils.validation import check_is_fitted

from skvae.fitted.model import last_step
from skvae.plotting._style import PALETTE, clear_frame, grid_of_axes


class TrainingCurveDisplay:
    """Loss, reconstruction, KL term and validation loss of each epoch.

    Make it with `from_estimator`.

    Parameters
    ----------
    history : DataFrame
        `history_` of a fitted model.
    best_epoch : int, default=None
        Epoch to mark.

    Attributes
    ----------
    axes_ : ndarray of matplotlib Axes, shape (1, 3)
        For loss, reconstruction and KL term.
    figure_ : matplotlib Figure

    See Also
    --------
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
    """

    def __init__(self, history, *, best_epoch=None):
        self.history = history
        self.best_epoch = best_epoch

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
                f"{type(last).__name__} keeps no history of its training. Pass a model "
                "of skvae."
            )
        best = last.health_["best_epoch"]
        best = best if "validation_loss" in last.history_ else None
        return cls(last.history_, best_epoch=best).plot(**plot_options)

    def plot(self, ax=None):
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes whose place the panels take; by default they get a new figure.

        Returns
        -------
        self : TrainingCurveDisplay
            The display, with its axes and figure.
        """
        self.figure_, self.axes_ = grid_of_axes(ax, 1, 3, (10, 3))
        loss, likelihood, kl = self.axes_[0]
        epochs = self.history.index
        # A line of one epoch would be none.
        look = dict(color=PALETTE[0], marker="o" if len(epochs) == 1 else None)
        loss.plot(epochs, self.history["loss"], label="training", **look)
        if "validation_loss" in self.history:
            loss.plot(
                epochs,
                self.history["validation_loss"],
                color=PALETTE[1],
                linestyle="--",
                marker=look["marker"],
                label="held out",
            )
        if self.best_epoch is not None:
            kept = f"kept: epoch {self.best_epoch}"
            loss.axvline(self.best_epoch, color="0.6", linewidth=1, label=kept)
        if len(loss.lines) > 1:
            loss.legend(frameon=False, fontsize=8, handlelength=1.5)
        likelihood.plot(epochs, self.history["reconstruction"], **look)
        kl.plot(epochs, self.history["kl"], **look)
        kl.set_ylim(bottom=0)
        titles = ["loss", "log-likelihood", "KL term"]
        for panel, title in zip((loss, likelihood, kl), titles):
            panel.set_title(title, loc="left", fontsize=10, fontweight="bold")
            panel.set_xlabel("epoch", fontsize=9)
            panel.tick_params(labelsize=9)
            panel.locator_params(axis="x", integer=True)
            clear_frame(panel)
        loss.set_ylabel("nats per row, mean", fontsize=9)
        return self
