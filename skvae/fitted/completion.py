"""Words that fitted models predict from the other words of a document."""

import inspect

import numpy as np
import pandas as pd
from sklearn.preprocessing import normalize
from sklearn.utils import check_random_state, gen_batches

from skvae.fitted.beside import rows_of
from skvae.fitted.model import (
    topic_model,
    topic_model_counts,
    topic_model_input,
    trained_model,
)
from skvae.training.data import mean_per_token
from skvae.utils.counts import check_counts
from skvae.utils.validation import check_same_columns, column_names

# Largest dense array of word probabilities, in entries: 128 MiB of float64.
_MAX_BATCH_ENTRIES = 2**24


def complete(model, X, random_state=0, held_out=None, **beside):
    """Predict halves of documents from the other halves: split here, or given.

    Returns the probabilities of the stored entries of the second halves, and these.
    """
    last = topic_model(model)
    X, given = topic_model_input(model, X, **beside)
    first = check_counts(X)
    given = rows_of(trained_model(model), given, first.shape[0])
    if held_out is not None:
        held_out = topic_model_counts(model, held_out)
        check_same_columns(column_names(held_out), column_names(X), "held_out", "X")
        second = check_counts(held_out, "held_out")
        if second.shape != first.shape:
            raise ValueError(
                f"held_out has the shape {second.shape}, but X {first.shape}. Pass the "
                "other half of each document of X."
            )
    elif "embeddings" in given:
        raise ValueError(
            f"{type(last).__name__} was fitted with embeddings, and those of whole "
            "documents tell of the words that are to be predicted. Pass first halves "
            "of documents as X, with embeddings of these halves, and held_out=, the "
            "second halves."
        )
    else:
        rows = np.flatnonzero(first.sum(axis=1) >= 2)
        given = {kind: values[rows] for kind, values in given.items()}
        first, second = _split_tokens(first[rows], random_state)
    if second.nnz == 0:
        raise ValueError(
            "X has no document to complete: one needs at least two tokens, and a "
            "token in its second half. Pass more or longer documents."
        )
    columns = getattr(X, "columns", None)
    return _completions(last, first, second, columns, given), second


def _split_tokens(counts, random_state):
    """Put each token into one of two halves, with probability 1/2."""
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    rng = np.random.default_rng(seed)
    # Two copies: eliminate_zeros() of one half must not move the indices of the other.
    first, second = counts.copy(), counts.copy()
    first.data = rng.binomial(counts.data.astype(np.int64), 0.5).astype(np.float64)
    second.data -= first.data
    first.eliminate_zeros()
    second.eliminate_zeros()
    return first, second


def _completions(model, first, second, columns, given):
    """Probabilities, given the first halves, of the words stored in `second`."""
    if hasattr(model, "inverse_transform"):
        predict = model.inverse_transform
    else:
        topics = normalize(model.components_, norm="l1")

        def predict(proportions):
            return normalize(proportions, norm="l1") @ topics

    decoder_knows = inspect.signature(predict).parameters.keys()
    n_samples, n_features = first.shape
    probabilities = []
    for batch in gen_batches(n_samples, max(1, _MAX_BATCH_ENTRIES // n_features)):
        counts = _as_in_fit(model, first[batch], columns)
        of_batch = {kind: values[batch] for kind, values in given.items()}
        proportions = np.asarray(model.transform(counts, **of_batch))
        heeded = {kind: of_batch[kind] for kind in of_batch.keys() & decoder_knows}
        predicted = np.asarray(predict(proportions, **heeded), dtype=np.float64)
        if predicted.min() < 0:
            raise ValueError(
                f"{type(model).__name__} predicts the word weight "
                f"{predicted.min():g}, which is no probability. Pass a topic model "
                "with non-negative predictions."
            )
        rows, words = _rows(second[batch]), second[batch].indices
        total = predicted.sum(axis=1)[rows]
        # Divide where there is something to divide; the rest stays uniform.
        uniform = np.full(total.shape, 1 / n_features)
        probabilities.append(
            np.divide(predicted[rows, words], total, out=uniform, where=total != 0)
        )
    return np.concatenate(probabilities)


def _as_in_fit(model, X, columns):
    """Name the columns of X if the model was fitted on names, which it then expects.

    The names are those that the caller's X had, for the model to check, else those of
    the fit, in the same order.
    """
    if not hasattr(model, "feature_names_in_"):
        return X
    columns = model.feature_names_in_ if columns is None else columns
    return pd.DataFrame(X.toarray(), columns=columns)


def perplexity_of(probabilities, counts, average, smoothing=None):
    """Perplexity of counts, with one probability for each stored entry of them."""
    if smoothing is None:
        smoothing = 0.01 if (probabilities == 0).any() else 0.0
    probabilities = (1 - smoothing) * probabilities + smoothing / counts.shape[1]
    with np.errstate(divide="ignore"):  # infinite, as documented
        nll = -counts.data * np.log(probabilities)
    nll = np.bincount(_rows(counts), weights=nll, minlength=counts.shape[0])
    n_tokens = counts.sum(axis=1)
    return float(np.exp(mean_per_token(nll, n_tokens, average)))


def _rows(X):
    """Row of each stored entry of a CSR array."""
    return np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
