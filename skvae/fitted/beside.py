"""What is known of documents beside their counts, on its way to a fitted model."""

import inspect

import numpy as np
import scipy.sparse as sp

from skvae.models.side_data import check_covariates, check_embeddings


def as_keywords(model, **beside):
    """Covariates and embeddings as keywords of a fitted model's methods.

    Raises
    ------
    ValueError
        If there are some of which the model knows nothing.
    """
    given = {kind: values for kind, values in beside.items() if values is not None}
    known = inspect.signature(model.transform).parameters
    for kind in given:
        if kind not in known:
            raise ValueError(f"{type(model).__name__} knows no {kind}. Leave them out.")
    return given


def rows_of(model, given, n_samples):
    """What is given to a fitted model, by kind, as a row for each sample, to index."""
    rows = dict(given)
    if "embeddings" in given:
        rows["embeddings"] = check_embeddings(
            model, given["embeddings"], n_samples, reset=False
        )
    if "covariates" in given:
        rows["covariates"] = _rows_of_covariates(model, given["covariates"], n_samples)
    return rows


def _rows_of_covariates(model, covariates, n_samples):
    check_covariates(model, covariates, n_samples, reset=False)
    if sp.issparse(covariates):
        return sp.csr_array(covariates)
    labelled = hasattr(model, "covariate_values_")
    rows = np.asarray(covariates, dtype=object if labelled else None)
    if rows.ndim < 2 - labelled:  # one for all
        width = () if labelled else (model.net_.config["n_covariates"],)
        rows = np.broadcast_to(rows, (n_samples, *width))
    return rows
