"""Copies of estimators that differ in their seeds."""

from sklearn.base import clone


def seeded_clone(model, seed):
    """Return an unfitted copy with `seed` in each of its `random_state` parameters."""
    model = clone(model)
    names = [
        name
        for name in model.get_params(deep=True)
        if name == "random_state" or name.endswith("__random_state")
    ]
    return model.set_params(**dict.fromkeys(names, seed))
