"""Versions, in one place that every module may read."""

import platform
from importlib.metadata import version

__version__ = "0.1.0.dev0"

_PACKAGES = "scikit-learn", "torch", "skorch", "numpy", "scipy", "pandas"


def versions():
    """Versions of what makes a model, for people to read."""
    packages = {name: version(name) for name in _PACKAGES}
    return {"skvae": __version__, "python": platform.python_version(), **packages}
