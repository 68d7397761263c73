"""Held-out perplexity, coherence and diversity of topics.

The functions take any fitted topic model: an estimator with `components_` and
`transform`, such as those of skvae, `LatentDirichletAllocation` and `NMF`, or a
Pipeline that ends in one. The inputs of a Pipeline, texts say, then stand for X.
"""

from numbers import Integral

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from sklearn.preprocessing import normalize
from sklearn.utils import check_array, check_random_state, gen_batches

from skvae._fitted import top_columns, topic_model, topic_model_input

# Largest dense array of word probabilities, in entries: 128 MiB of float64.
_MAX_BATCH_ENTRIES = 2**24


def document_completion_perplexity(
    model, X, *, average="token", smoothing=None, random_state=0
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

    Raises
    ------
    ValueError
        If X has negative or fractional entries, if no document has a second half to
        score, or if the model predicts negative word weights.

    References
    ----------
    Wallach, H. M., Murray, I., Salakhutdinov, R. and Mimno, D. (2009). Evaluation
    methods for topic models. ICML.

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
    _check_options(average, smoothing)
    last = topic_model(model)
    X = topic_model_input(model, X)
    counts = _check_counts(X)

    counts = counts[counts.sum(axis=1) >= 2]
    first, second = _split_tokens(counts, random_state)
    if second.nnz == 0:
        raise ValueError(
            "X has no document to complete: one needs at least two tokens, and a "
            "token in its second half. Pass more or longer documents."
        )
    probabilities = _completions(last, first, second, getattr(X, "columns", None))
    return _perplexity(probabilities, second, average, smoothing)


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

    Raises
    ------
    ValueError
        If X_train or X has negative or fractional entries or no tokens, or if they
        have different numbers of features.

    Examples
    --------
    >>> from skvae.metrics import unigram_perplexity
    >>> round(unigram_perplexity([[2, 1, 1]], [[4, 2, 2], [2, 1, 1]]), 4)
    2.8284
    """
    _check_options(average, smoothing)
    train, counts = _check_counts(X_train, "X_train"), _check_counts(X)
    if train.shape[1] != counts.shape[1]:
        raise ValueError(
            f"X_train has {train.shape[1]} features and X has {counts.shape[1]}. "
            "Count both with the same vectorizer."
        )
    for name, array in [("X_train", train), ("X", counts)]:
        if array.nnz == 0:
            raise ValueError(f"{name} has no tokens. Pass documents that have some.")
    frequencies = train.sum(axis=0) / train.sum()
    return _perplexity(frequencies[counts.indices], counts, average, smoothing)


def npmi_coherence(topics, X, *, n_words=10, feature_names=None, per_topic=False):
    """Normalised pointwise mutual information of the top words of the topics.

    For words i and j, with p the share of the documents of X that have a word, or
    both, at least once::

        NPMI(i, j) = log(p_ij / (p_i p_j)) / (-log p_ij)

    It is averaged over all pairs of the top `n_words` of a topic, then over topics.
    1 is words that only occur together, 0 independence. The reference corpus is X and
    the window a whole document; empty documents count. A pair that never occurs
    together, also when a word is missing from X, counts -1, and a pair that is in
    every document counts 1: the limits of the formula. Values from other references,
    windows or rules for zeros are not comparable.

    Parameters
    ----------
    topics : estimator, Pipeline, array of shape (n_components, n_features) or list
        A fitted topic model; a fitted Pipeline that ends in one; an array or DataFrame
        of weights; or a list with the words of each topic, best first, as str or as
        column indices of X. The DataFrame of `top_words` is such a list of words.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Reference corpus: word counts, or any weights that are positive where a word
        occurs. If `topics` is a Pipeline, its inputs.
    n_words : int, default=10
        Number of words of each topic, at least 2. Longer lists are cut.
    feature_names : array-like of shape (n_features,), default=None
        Words that belong to the columns of X. Used only for topics that are lists of
        words, which need it unless X is a DataFrame.
    per_topic : bool, default=False
        Whether to return the coherence of each topic rather than their mean.

    Returns
    -------
    coherence : float, or ndarray of shape (n_components,) if `per_topic`
        From -1 to 1, larger is better.

    Raises
    ------
    ValueError
        If X has negative entries, if a topic has fewer than `n_words` words or one
        that is not in `feature_names`, or if the topics and X have different numbers
        of features.

    References
    ----------
    Bouma, G. (2009). Normalized (pointwise) mutual information in collocation
    extraction. GSCL.

    Röder, M., Both, A. and Hinneburg, A. (2015). Exploring the space of topic
    coherence measures. WSDM.

    Examples
    --------
    >>> from skvae.metrics import npmi_coherence
    >>> X = [[1, 1, 0, 0], [2, 1, 0, 0], [0, 0, 1, 3], [0, 0, 1, 1]]
    >>> npmi_coherence([[0, 1], [0, 2]], X, n_words=2, per_topic=True)
    array([ 1., -1.])
    """
    if n_words < 2:
        raise ValueError(f"n_words={n_words}, but coherence needs pairs: at least 2.")
    if hasattr(topics, "fit"):
        X = topic_model_input(topics, X)
        _check_same_columns(topic_model(topics), X)
    if feature_names is None:
        feature_names = getattr(X, "columns", None)

    present = _canonical_csr(X)
    if (present.data < 0).any():
        raise ValueError(
            f"X must hold word counts, but has the entry {present.data.min():g}. Pass "
            "the documents of a reference corpus, with zeros for absent words."
        )
    present.data[:] = 1.0
    present = present.tocsc()  # for the columns of one topic at a time

    n_features = present.shape[1]
    leading = _leading_words(topics, n_words, n_features)
    columns = _as_columns(leading, feature_names, n_features)
    coherence = np.array([_mean_npmi(present[:, topic]) for topic in columns])
    return coherence if per_topic else float(coherence.mean())


def topic_diversity(topics, *, n_words=25):
    """Share of distinct words among the top words of all topics.

    Parameters
    ----------
    topics : estimator, Pipeline, array of shape (n_components, n_features) or list
        As in `npmi_coherence`.
    n_words : int, default=25
        Number of words of each topic. Longer lists are cut.

    Returns
    -------
    diversity : float
        From 1 / n_components, all topics have the same words, to 1, no two topics
        share one. Note that diverse topics can still be incoherent.

    Raises
    ------
    ValueError
        If a topic has fewer than `n_words` words.

    References
    ----------
    Dieng, A. B., Ruiz, F. J. R. and Blei, D. M. (2020). Topic modeling in embedding
    spaces. TACL 8.

    Examples
    --------
    >>> from skvae.metrics import topic_diversity
    >>> topic_diversity([["cat", "dog"], ["cat", "bus"]], n_words=2)
    0.75
    """
    leading = _leading_words(topics, n_words)
    distinct = {word for words in leading for word in words}
    return len(distinct) / (n_words * len(leading))


def _check_options(average, smoothing):
    if average not in ("token", "document"):
        raise ValueError(f"average={average!r}, but it is 'token' or 'document'.")
    if smoothing is not None and not 0 <= smoothing < 1:
        raise ValueError(f"smoothing={smoothing!r}, but it is None or in [0, 1).")


def _canonical_csr(X, name="X"):
    """Copy X to sorted rows without stored zeros, whatever its container."""
    X = check_array(X, accept_sparse="csr", input_name=name)
    # A copy, since both calls work in place and index arrays may be shared.
    X = csr_array(X, dtype=np.float64, copy=True)
    X.sum_duplicates()
    X.eliminate_zeros()
    return X


def _check_counts(X, name="X"):
    counts = _canonical_csr(X, name)
    wrong = (counts.data < 0) | (counts.data % 1 != 0)
    if wrong.any():
        raise ValueError(
            f"{name} must hold word counts, but has the entry "
            f"{counts.data[wrong][0]:g}. Pass counts, as CountVectorizer makes them, "
            "not frequencies or tf-idf."
        )
    return counts


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


def _completions(model, first, second, columns):
    """Probabilities, given the first halves, of the words stored in `second`."""
    if hasattr(model, "inverse_transform"):
        predict = model.inverse_transform
    else:
        topics = normalize(model.components_, norm="l1")

        def predict(proportions):
            return normalize(proportions, norm="l1") @ topics

    n_samples, n_features = first.shape
    probabilities = []
    for batch in gen_batches(n_samples, max(1, _MAX_BATCH_ENTRIES // n_features)):
        proportions = model.transform(_as_in_fit(model, first[batch], columns))
        predicted = np.asarray(predict(np.asarray(proportions)), dtype=np.float64)
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


def _perplexity(probabilities, counts, average, smoothing):
    """Perplexity of counts, with one probability for each stored entry of them."""
    if smoothing is None:
        smoothing = 0.01 if (probabilities == 0).any() else 0.0
    probabilities = (1 - smoothing) * probabilities + smoothing / counts.shape[1]
    with np.errstate(divide="ignore"):  # infinite, as documented
        nll = -counts.data * np.log(probabilities)
    nll = np.bincount(_rows(counts), weights=nll, minlength=counts.shape[0])
    n_tokens = counts.sum(axis=1)
    if average == "token":
        return float(np.exp(nll.sum() / n_tokens.sum()))
    scored = n_tokens > 0
    return float(np.exp(np.mean(nll[scored] / n_tokens[scored])))


def _rows(X):
    """Row of each stored entry of a CSR array."""
    return np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))


def _leading_words(topics, n_words, n_features=None):
    """First words of each topic: column indices, or words as they were listed."""
    if hasattr(topics, "fit"):
        topics = topic_model(topics).components_
    elif hasattr(topics, "to_numpy"):  # a DataFrame, of weights or of words
        topics = topics.to_numpy()
    if isinstance(topics, np.ndarray) and topics.dtype.kind in "biuf":
        if n_features not in (None, topics.shape[-1]):
            raise ValueError(
                f"The topics weigh {topics.shape[-1]} words, but X has {n_features} "
                "features. Pass the columns that the topics were fitted on; pass "
                "column indices as lists, not as an array."
            )
        return top_columns(topics, n_words)

    if n_words < 1 or len(topics) == 0:
        raise ValueError(
            f"There are {len(topics)} topics and n_words={n_words}. Pass at least one "
            "topic and one word."
        )
    for k, words in enumerate(topics):
        if isinstance(words, str) or not all(
            isinstance(word, (str, Integral)) for word in words
        ):
            raise ValueError(
                f"Topic {k} is {words!r}, not a list of words or column indices. Pass "
                "a list of such lists, or weights as a NumPy array."
            )
        if len(words) < n_words:
            raise ValueError(
                f"Topic {k} has {len(words)} words, fewer than n_words={n_words}. "
                "Pass longer topics or a smaller n_words."
            )
    return [list(words[:n_words]) for words in topics]


def _as_columns(leading, feature_names, n_features):
    """Look up words in `feature_names`; column indices stay as they are."""
    names = [] if feature_names is None else list(feature_names)
    if feature_names is not None and len(names) != n_features:
        raise ValueError(
            f"There are {len(names)} feature_names, but X has {n_features} features. "
            "Pass one name per feature, in the order of the columns."
        )
    index = {name: column for column, name in enumerate(names)}

    def lookup(word):
        column = word if isinstance(word, Integral) else index.get(word, -1)
        if not 0 <= column < n_features:
            raise ValueError(
                f"The word {str(word)!r} is none of the {len(names)} feature_names, "
                f"nor a column of the {n_features} of X. Pass "
                "feature_names=vectorizer.get_feature_names_out()."
            )
        return column

    return [[lookup(word) for word in words] for words in leading]


def _check_same_columns(model, X):
    """Check the order of the columns of a DataFrame, as `transform` would."""
    if hasattr(model, "feature_names_in_") and hasattr(X, "columns"):
        if list(X.columns) != list(model.feature_names_in_):
            raise ValueError(
                f"X has other columns than {type(model).__name__} was fitted on, or "
                "another order. Pass X[model.feature_names_in_]."
            )


def _mean_npmi(present):
    """Mean NPMI of the pairs of columns of 0 and 1, of shape (n_samples, n_words)."""
    joint = (present.T @ present).toarray() / present.shape[0]
    i, j = np.triu_indices(joint.shape[0], k=1)
    p_i, p_j, p_ij = joint[i, i], joint[j, j], joint[i, j]
    npmi = np.where(p_ij == 0, -1.0, 1.0)
    inside = (p_ij > 0) & (p_ij < 1)
    p_i, p_j, p_ij = p_i[inside], p_j[inside], p_ij[inside]
    npmi[inside] = np.log(p_ij / (p_i * p_j)) / -np.log(p_ij)
    return npmi.mean()
