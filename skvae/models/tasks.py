"""Fits as tasks of scikit-learn's callbacks, such as its progress bar of a search."""

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:
        """Nothing to support."""

    def with_callbacks(method):
        return method


class FitTask:
    """A fit, with a task of its own for each epoch.

    It is begun within a method of the estimator that `with_callbacks` decorates, and
    does nothing where scikit-learn has no callbacks.
    """

    def __init__(self, estimator, n_epochs):
        self.estimator = estimator
        self.is_to_stop = False
        self._tasks = []
        if hasattr(estimator, "set_callbacks"):
            self._begin(estimator._init_callback_context(max_subtasks=n_epochs))

    def _begin(self, context):
        context.call_on_fit_task_begin(estimator=self.estimator)
        self._tasks.append(context)

    def begin_epoch(self):
        if self._tasks:
            self._begin(self._tasks[0].subcontext(task_name="epoch"))

    def end(self):
        """End the epoch, or the fit; note whether a callback wants no more of them."""
        if self._tasks:
            ended = self._tasks.pop().call_on_fit_task_end(estimator=self.estimator)
            self.is_to_stop |= ended
