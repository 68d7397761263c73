"""Covariates on their way to a fitted model."""

import inspect

import numpy as np
import scipy.sparse as sp

from skvae.models.covariates import check_covariates


def as_keyword(model, covariates):
    """Covariates as keyword of a fitted model's method, which others do not know."""
    if covariates is None:
        return {}
    if "covariates" not in inspect.signature(model.transform).parameters:
        raise ValueError(f"{type(model).__name__} knows no covariates. Leave them out.")
    return {"covariates": covariates}


def rows_of(model, covariates, n_samples):
    """Checked covariates of a fitted model, a row for each sample, to index."""
    check_covariates(model, covariates, n_samples, reset=False)
    if sp.issparse(covariates):
        return sp.csr_array(covariates)
    labelled = hasattr(model, "covariate_values_")
    rows = np.asarray(covariates, dtype=object if labelled else None)
    if rows.ndim < 2 - labelled:  # one for all
        width = () if labelled else (model._n_covariates,)
        rows = np.broadcast_to(rows, (n_samples, *width))
    return rows
