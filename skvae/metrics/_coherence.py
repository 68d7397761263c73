"""Whether the top words of a topic occur together."""

import warnings
from numbers import Integral

import numpy as np
from scipy.sparse import csr_array

from skvae.metrics._words import (
    as_columns,
    as_words,
    check_width,
    is_model,
    known_names,
    leading_words,
)
from skvae.models.fitted import FittedTopics
from skvae.utils.counts import check_csr, npmi
from skvae.utils.validation import check_feature_names, check_same_columns, column_names

# Presences of words in windows that are counted at a time, at most, unless a single
# document has more: about 100 MiB.
_MAX_BLOCK_ENTRIES = 2**22
# Of gensim, which adds it to the probability of a pair.
_EPSILON = 1e-12


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
        If X has negative entries, if a topic has fewer than `n_words` words, one of
        them twice or one that is not in `feature_names`, or if the topics and X have
        different numbers of features.

    Warns
    -----
    UserWarning
        If a top word never occurs in X.

    See Also
    --------
    sliding_window_npmi : Counts windows of a few words, in texts.

    References
    ----------
    Bouma, G. (2009). Normalized (pointwise) mutual information in collocation
    extraction. GSCL.

    Röder, M., Both, A. and Hinneburg, A. (2015). Exploring the space of topic
    coherence measures. WSDM.
    https://doi.org/10.1145/2684822.2685324

    Examples
    --------
    >>> from skvae.metrics import npmi_coherence
    >>> X = [[1, 1, 0, 0], [2, 1, 0, 0], [0, 0, 1, 3], [0, 0, 1, 1]]
    >>> npmi_coherence([[0, 1], [0, 2]], X, n_words=2, per_topic=True)
    array([ 1., -1.])
    """
    _check_pairs(n_words)
    check_feature_names(feature_names)
    if is_model(topics):
        topics = FittedTopics.of(topics, X)
        X = topics.counts
    check_same_columns(column_names(X), known_names(topics), "X", "the topics")
    check_same_columns(feature_names, column_names(X), "feature_names", "X")
    if feature_names is None:
        feature_names = column_names(X)

    present = check_csr(X)
    if (present.data < 0).any():
        raise ValueError(
            f"X must hold word counts, but has the entry {present.data.min():g}."
        )
    present = present.tocsc()  # a copy, for the columns of one topic at a time
    present.data[:] = 1.0

    n_samples, n_features = present.shape
    check_width(topics, n_features, "X")
    leading = leading_words(topics, n_words)
    columns = as_columns(leading, feature_names, n_features)

    names = known_names(topics) if feature_names is None else list(feature_names)
    used = dict.fromkeys(column for topic in columns for column in topic)
    absent = [v for v in used if present.indptr[v] == present.indptr[v + 1]]
    _warn_of_absent_words(
        [f"column {v}" if names is None else names[v] for v in absent], "X"
    )
    coherence = np.empty(len(columns))
    for k, topic in enumerate(columns):
        words = present[:, topic]
        coherence[k] = _mean_npmi((words.T @ words).toarray() / n_samples)
    return coherence if per_topic else float(coherence.mean())


def sliding_window_npmi(
    topics, texts, *, window=10, n_words=10, feature_names=None, per_topic=False
):
    """Normalised pointwise mutual information of top words in windows of the texts.

    As `npmi_coherence`, but with p the share of the windows that have a word, or both,
    at least once, as gensim's c_npmi, which the literature reports most::

        NPMI(i, j) = log((p_ij + 1e-12) / (p_i p_j)) / (-log(p_ij + 1e-12))

    The reference corpus is `texts`. A window slides over each text, one word at a time;
    a text that is no longer than the window is one window, an empty text too.

    A pair that never occurs together thus counts more than -1, and the more the rarer
    its words are. A pair with a word that is missing from the texts counts -1.

    Two values differ from those of gensim. A pair that is in every window counts 1
    here, -1 there. And gensim takes a word for absent as soon as one occurrence of it
    has left the window, even if another is still inside: where texts are longer than
    the window and repeat words, its counts are too low.

    Parameters
    ----------
    topics : estimator, Pipeline, array of shape (n_components, n_features) or list
        As in `npmi_coherence`. Words must be known: a list of words, as `top_words`
        returns them; a Pipeline with a vectorizer; an estimator that was fitted on a
        DataFrame; a DataFrame of weights with words as columns; or `feature_names`.
    texts : iterable of lists of str
        Reference corpus, each text as the list of its words, in their order. Words that
        are left out of it, stop words say, do not take a place in the windows.
    window : int, default=10
        Length of the windows in words, at least 2.
    n_words : int, default=10
        Number of words of each topic, at least 2. Longer lists are cut.
    feature_names : array-like of shape (n_features,), default=None
        Words that belong to the columns of the topics, where `topics` does not know.
    per_topic : bool, default=False
        Whether to return the coherence of each topic rather than their mean.

    Returns
    -------
    coherence : float, or ndarray of shape (n_components,) if `per_topic`
        From -1 to 1, larger is better.

    Raises
    ------
    ValueError
        If the words of the topics are not known, if a topic has fewer than `n_words` of
        them or one twice, or if `texts` has no words or a text is no list of words.

    Warns
    -----
    UserWarning
        If a top word never occurs in the texts.

    See Also
    --------
    npmi_coherence : Counts documents, in a matrix of word counts.

    References
    ----------
    Röder, M., Both, A. and Hinneburg, A. (2015). Exploring the space of topic
    coherence measures. WSDM.
    https://doi.org/10.1145/2684822.2685324

    Examples
    --------
    Both pairs share a text, but "cat" and "bus" are far apart in theirs.

    >>> from skvae.metrics import sliding_window_npmi
    >>> texts = ["cat dog and a bus".split(), "cat dog".split(), "train".split()]
    >>> topics = [["cat", "dog"], ["cat", "bus"]]
    >>> sliding_window_npmi(
    ...     topics, texts, window=2, n_words=2, per_topic=True
    ... ).round(3)
    array([ 0.631, -0.895])
    """
    shares = _shares_of_windows(topics, texts, window, n_words, feature_names)
    coherence = np.array([_mean_npmi(joint, _EPSILON) for joint in shares])
    return coherence if per_topic else float(coherence.mean())


def cv_coherence(
    topics, texts, *, window=110, n_words=10, feature_names=None, per_topic=False
):
    """C_V coherence: how alike the words of a topic are in what they occur with.

    Each top word has a vector, its NPMI with all top words of the topic, itself
    included, counted in windows as in `sliding_window_npmi`. Its confirmation is the
    cosine of its vector and the sum of those of all top words. Confirmations are
    averaged over the words of a topic, then over topics, as gensim's c_v, which ranked
    topics most as people do in the study that proposed it [1]_. Words that hardly occur
    with each other, but all with the same others, count too: do not judge by it alone.

    Parameters
    ----------
    topics : estimator, Pipeline, array of shape (n_components, n_features) or list
        As in `sliding_window_npmi`.
    texts : iterable of lists of str
        Reference corpus, each text as the list of its words, in their order.
    window : int, default=110
        Length of the windows in words, at least 2.
    n_words : int, default=10
        Number of words of each topic, at least 2. Longer lists are cut.
    feature_names : array-like of shape (n_features,), default=None
        Words that belong to the columns of the topics, where `topics` does not know.
    per_topic : bool, default=False
        Whether to return the coherence of each topic rather than their mean.

    Returns
    -------
    coherence : float, or ndarray of shape (n_components,) if `per_topic`
        From -1 to 1, mostly above 0.2; larger is better.

    Raises
    ------
    ValueError
        As `sliding_window_npmi`.

    Warns
    -----
    UserWarning
        If a top word never occurs in the texts.

    See Also
    --------
    sliding_window_npmi : Averages NPMI itself.

    Notes
    -----
    Windows are counted as in `sliding_window_npmi`, where gensim forgets a word that a
    window has twice too early.

    References
    ----------
    .. [1] Röder, M., Both, A. and Hinneburg, A. (2015). Exploring the space of topic
       coherence measures. WSDM.
       https://doi.org/10.1145/2684822.2685324

    Examples
    --------
    >>> from skvae.metrics import cv_coherence
    >>> texts = ["cat dog and a bus".split(), "cat dog".split(), "train".split()]
    >>> topics = [["cat", "dog"], ["cat", "train"]]
    >>> cv_coherence(topics, texts, n_words=2, per_topic=True).round(3)
    array([1.   , 0.028])
    """
    coherence = []
    for joint in _shares_of_windows(topics, texts, window, n_words, feature_names):
        vectors = npmi(joint, _EPSILON)
        whole = vectors.sum(axis=0)
        lengths = np.linalg.norm(vectors, axis=1) * np.linalg.norm(whole)
        cosines = np.divide(
            vectors @ whole, lengths, out=np.zeros(len(joint)), where=lengths > 0
        )
        coherence.append(cosines.mean())
    return np.array(coherence) if per_topic else float(np.mean(coherence))


def _shares_of_windows(topics, texts, window, n_words, feature_names):
    """Share of the windows that have each pair of a topic's top words, topic by topic.

    Returns a list of arrays of shape (n_words, n_words), words on their diagonals.
    """
    _check_pairs(n_words)
    check_feature_names(feature_names)
    if not isinstance(window, Integral) or window < 2:
        raise ValueError(f"window={window!r}, but it is an integer of at least 2.")
    if feature_names is None:
        feature_names = known_names(topics)
    else:
        check_width(topics, len(feature_names), "feature_names")
        names = feature_names, known_names(topics)
        check_same_columns(*names, "feature_names", "the topics", allow_others=True)
    leading = as_words(leading_words(topics, n_words), feature_names)

    index = {}
    columns = [[index.setdefault(w, len(index)) for w in words] for words in leading]
    counts, n_windows = _count_windows(texts, index, window)
    absent = [w for w, c in index.items() if counts[c, c] == 0]
    _warn_of_absent_words(absent, "texts", stacklevel=4)
    return [counts[np.ix_(topic, topic)] / n_windows for topic in columns]


def _check_pairs(n_words):
    if n_words < 2:
        raise ValueError(f"n_words={n_words}, but coherence needs pairs: at least 2.")


def _warn_of_absent_words(absent, corpus, stacklevel=3):
    if absent:
        shown = ", ".join(str(word) for word in absent[:5])
        more = f" and {len(absent) - 5} more" if len(absent) > 5 else ""
        warnings.warn(
            f"Top words never occur in {corpus}: {shown}{more}. Their pairs count -1. "
            "Pass a larger reference corpus, prepared as the texts of the fit were.",
            stacklevel=stacklevel,
        )


def _mean_npmi(joint, epsilon=0.0):
    """Mean NPMI of the pairs of words."""
    return npmi(joint, epsilon)[np.triu_indices(len(joint), k=1)].mean()


def _count_windows(texts, index, window):
    """Number of windows with each pair of words, or with one on the diagonal; of all.

    Words are those of `index`, which maps them to columns.
    """
    counts = np.zeros((len(index), len(index)))
    n_windows = n_tokens = 0
    for block in _blocks(texts, window):
        present = _presence(block, index, window)
        counts += (present.T @ present).toarray()
        n_windows += present.shape[0]
        n_tokens += sum(map(len, block))
    if n_tokens == 0:
        raise ValueError("texts has no words. Pass texts that have some.")
    return counts, n_windows


def _blocks(texts, window):
    """Lists of texts with a limited number of entries in their matrix of presence."""
    block, size = [], 0
    for d, text in enumerate(texts):
        listed = np.iterable(text) and not isinstance(text, str)
        if not listed or not all(isinstance(word, str) for word in text):
            raise ValueError(
                f"Text {d} is {text!r:.60}, not a list of words. Split the texts into "
                "words, such as with vectorizer.build_analyzer()."
            )
        entries = len(text) * min(window, max(1, len(text) - window + 1))
        if block and size + entries > _MAX_BLOCK_ENTRIES:
            yield block
            block, size = [], 0
        block.append(text)
        size += entries
    if block:
        yield block


def _presence(texts, index, window):
    """CSR array of 1 where a window, in a row, has a word, in a column."""
    lengths = np.array([len(text) for text in texts])
    n_windows = np.maximum(1, lengths - window + 1)
    words = [index.get(word, -1) for text in texts for word in text]
    words = np.array(words, dtype=int)
    text = np.repeat(np.arange(len(texts)), lengths)
    position = np.arange(len(words)) - (np.cumsum(lengths) - lengths)[text]
    text, position, words = (a[words >= 0] for a in (text, position, words))

    # The word at a position is in each window that starts up to window - 1 before it.
    first = np.clip(position - window + 1, 0, None)
    last = np.minimum(position, n_windows[text] - 1)
    repeats = last - first + 1
    step = np.arange(repeats.sum()) - np.repeat(np.cumsum(repeats) - repeats, repeats)
    offset = (np.cumsum(n_windows) - n_windows)[text]
    rows = np.repeat(offset + first, repeats) + step
    columns = np.repeat(words, repeats)
    places, shape = (rows, columns), (n_windows.sum(), len(index))
    present = csr_array((np.ones(len(rows)), places), shape=shape)
    present.data[:] = 1.0  # where a window has a word several times
    return present
