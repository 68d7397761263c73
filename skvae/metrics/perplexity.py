"""How well topic models predict words that they have not seen."""

import inspect

import numpy as np
import pandas as pd
from sklearn.preprocessing import normalize
from sklearn.utils import check_random_state, gen_batches

from skvae.models.fitted import FittedTopics
from skvae.training.data import mean_per_token
from skvae.utils.counts import check_counts
from skvae.utils.validation import check_same_columns, column_names

# Largest dense array of word probabilities, in entries: 128 MiB of float64.
_MAX_BATCH_ENTRIES = 2**24


def document_completion_perplexity(
    model,
    X,
    *,
    covariates=None,
    embeddings=None,
    held_out=None,
    average="token",
    smoothing=None,
    random_state=0,
):
    """Perplexity of one half of each document, given the other half.

    The tokens of each document are split at random into two halves. The topic
    proportions come from the first half, `model.transform`, and the words of the
    second half are scored. No variational bound is involved, so that a VAE, LDA and
    NMF are compared on equal terms. Smaller is better; n_features is what guessing
    uniformly gets, and `unigram_perplexity` is the baseline to beat.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model, or a fitted Pipeline that ends in one. Predictions are
        `inverse_transform` of the topic proportions, each row divided by its sum; for
        models without it, such as LDA, topic proportions times topics, both with rows
        of sum 1. A prediction of all zeros, as NMF makes from an empty first half,
        becomes uniform.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Word counts of the documents, or what a Pipeline turns into word counts.
        Documents with fewer than two tokens are left out.
    covariates : array-like, default=None
        Of each document or of all, for skvae's models that were fitted with some. They
        are given to both halves.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of first halves, for skvae's models that were fitted with embeddings beside X.
        They need `held_out`.
    held_out : like X, default=None
        Second halves of the documents, if X are the first halves. Models that see
        embeddings need them, since the embeddings of whole documents would reveal the
        words to predict. A Pipeline that encodes texts by itself does not: it gets
        texts that are split in their middles.
    average : {"token", "document"}, default="token"
        "token" is exp(sum of NLL_d / sum of N_d), "document" is exp(mean of
        NLL_d / N_d), with NLL_d the negative log-likelihood in nats and N_d the
        number of tokens of the second half of document d. Documents with an empty
        second half contribute nothing to either.
    smoothing : float in [0, 1), default=None
        Weight of the uniform distribution that is mixed into the predictions. None
        is 0.01 if any word that occurs in a second half has probability 0, which NMF
        predicts, and 0 otherwise. With 0, such a word makes the perplexity infinite.
    random_state : int, RandomState instance or None, default=0
        Determines the split. Models are comparable for the same X and int only.

    Returns
    -------
    perplexity : float
        From 1; smaller is better.

    Raises
    ------
    ValueError
        If X has negative or fractional entries, if no document has a second half to
        score, if embeddings come without `held_out`, or if the model predicts negative
        word weights.

    See Also
    --------
    unigram_perplexity : The same by word frequencies alone, the baseline to beat.
    skvae.model_selection.compare_models : Of several models, beside other figures.

    References
    ----------
    Wallach, H. M., Murray, I., Salakhutdinov, R. and Mimno, D. (2009). Evaluation
    methods for topic models. ICML.
    https://doi.org/10.1145/1553374.1553515

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from skvae.metrics import document_completion_perplexity
    >>> X = np.array([[5, 4, 0, 0], [6, 3, 0, 0], [0, 0, 5, 4], [0, 0, 3, 6]])
    >>> lda = LatentDirichletAllocation(2, random_state=0).fit(X)
    >>> document_completion_perplexity(lda, X) < 4
    True
    """
    topics = FittedTopics.of(model, X, covariates=covariates, embeddings=embeddings)
    completions = complete(topics, random_state, held_out)
    return perplexity_of(*completions, average, smoothing)


def unigram_perplexity(X_train, X, *, average="token", smoothing=None):
    """Perplexity of documents under the word frequencies of other documents.

    The baseline of `document_completion_perplexity`: a topic model that does not
    beat it has learned nothing about single documents.

    Parameters
    ----------
    X_train : {array-like, sparse matrix} of shape (n_train_samples, n_features)
        Word counts. The probability of a word is its share of all tokens.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Word counts of the documents to score, whole. Empty ones are left out.
    average : {"token", "document"}, default="token"
        As in `document_completion_perplexity`, with the tokens of whole documents.
    smoothing : float in [0, 1), default=None
        Weight of the uniform distribution that is mixed into the word frequencies.
        None is 0.01 if X has a word that X_train has not, and 0 otherwise. With 0,
        such a word makes the perplexity infinite.

    Returns
    -------
    perplexity : float
        From 1; smaller is better.

    Raises
    ------
    ValueError
        If X_train or X has negative or fractional entries or no tokens, or if they
        have different numbers of features.

    See Also
    --------
    document_completion_perplexity : That of a topic model.

    Examples
    --------
    >>> from skvae.metrics import unigram_perplexity
    >>> round(unigram_perplexity([[2, 1, 1]], [[4, 2, 2], [2, 1, 1]]), 4)
    2.8284
    """
    train, counts = check_counts(X_train, "X_train"), check_counts(X)
    if train.shape[1] != counts.shape[1]:
        raise ValueError(
            f"X_train has {train.shape[1]} features and X has {counts.shape[1]}. "
            "Count both with the same vectorizer."
        )
    check_same_columns(column_names(X), column_names(X_train), "X", "X_train")
    for name, array in [("X_train", train), ("X", counts)]:
        if array.nnz == 0:
            raise ValueError(f"{name} has no tokens. Pass documents that have some.")
    frequencies = train.sum(axis=0) / train.sum()
    return perplexity_of(frequencies[counts.indices], counts, average, smoothing)


def complete(topics, random_state=0, held_out=None):
    """Predict halves of documents from the other halves: split here, or given.

    Returns the probabilities of the stored entries of the second halves, and these.
    """
    if held_out is None and topics.encodes_texts:
        topics, held_out = topics.halves()
    columns = column_names(topics.counts)
    first, side_data = check_counts(topics.counts), topics.side_rows
    if held_out is not None:
        held_out = FittedTopics(topics.model, held_out).counts
        check_same_columns(column_names(held_out), columns, "held_out", "X")
        second = check_counts(held_out, "held_out")
        if second.shape != first.shape:
            raise ValueError(
                f"held_out has the shape {second.shape}, but X {first.shape}."
            )
    elif "embeddings" in side_data:
        raise ValueError(
            f"{topics.name} was fitted with embeddings, and those of whole documents "
            "tell of the words to predict. Pass first halves of documents as X, with "
            "their embeddings, and the second halves as held_out=."
        )
    else:
        rows = np.flatnonzero(first.sum(axis=1) >= 2)
        side_data = {kind: values[rows] for kind, values in side_data.items()}
        first, second = _split_tokens(first[rows], random_state)
    if second.nnz == 0:
        raise ValueError(
            "X has no document with a token in its second half. Pass longer documents."
        )
    return _completions(topics.estimator, first, second, columns, side_data), second


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


def _completions(model, first, second, columns, side_data):
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
        beside = {kind: values[batch] for kind, values in side_data.items()}
        proportions = np.asarray(model.transform(counts, **beside))
        beside = {kind: beside[kind] for kind in beside.keys() & decoder_knows}
        predicted = np.asarray(predict(proportions, **beside), dtype=np.float64)
        if predicted.min() < 0:
            raise ValueError(
                f"{type(model).__name__} predicts the word weight "
                f"{predicted.min():g}, which is no probability. Pass a topic model."
            )
        rows, words = second[batch].tocoo().coords  # of the stored entries
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
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing={smoothing!r}, but it is None or in [0, 1).")
    probabilities = (1 - smoothing) * probabilities + smoothing / counts.shape[1]
    with np.errstate(divide="ignore"):  # infinite, as documented
        nll = -counts.data * np.log(probabilities)
    nll = np.bincount(counts.tocoo().row, weights=nll, minlength=counts.shape[0])
    n_tokens = counts.sum(axis=1)
    return float(np.exp(mean_per_token(nll, n_tokens, average)))
