"""The estimator contract that all models share, with training and inference."""

from skvae.base._estimator import ACTIVE, BaseVAE

__all__ = ["ACTIVE", "BaseVAE"]
