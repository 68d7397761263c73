"""A fitted topic model and its documents, as everything that reads them sees it."""

import difflib
import inspect
import reprlib
from collections.abc import Sized
from functools import cached_property
from numbers import Integral

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import normalize
from sklearn.utils import check_scalar, gen_batches
from sklearn.utils.validation import check_is_fitted

from skvae.models.side_data import (
    check_covariates,
    check_embeddings,
    split_embeddings,
)
from skvae.models.topics import numbered_topics
from skvae.utils.counts import check_csr, top_columns
from skvae.utils.validation import (
    check_feature_names,
    check_n_words,
    check_same_columns,
    column_names,
    contains_texts,
)

# Draws of the posterior that variances of topic proportions are taken over.
N_DRAWS = 64
# Numbers of a block of draws: 16 MB.
BLOCK_SIZE = 2**21


class FittedTopics:
    """A fitted topic model and, if there are some, documents that it reads.

    The model is an estimator with `components_` and `transform`: one of skvae, LDA,
    NMF, a Pipeline that ends in one, or a search over one. Attributes are computed when
    first asked for, and once.

    Parameters
    ----------
    model : estimator or Pipeline
    X : {array-like, sparse matrix} of shape (n_samples, n_features), default=None
        Documents, as the input of `model`.
    texts : sequence of str of length n_samples, default=None
    feature_names : array-like of shape (n_features,), default=None
    covariates, embeddings : array-like, default=None
        Of the documents.
    """

    def __init__(
        self,
        model,
        X=None,
        texts=None,
        feature_names=None,
        covariates=None,
        embeddings=None,
    ):
        check_feature_names(feature_names)
        self.model, self.X = model, X
        self._texts, self._feature_names = texts, feature_names
        self._side_data = {"covariates": covariates, "embeddings": embeddings}

    @classmethod
    def of(cls, model, *args, **options):
        """Return `model` itself if it is a FittedTopics, with documents of its own."""
        return model if isinstance(model, cls) else cls(model, *args, **options)

    # --- the model ----------------------------------------------------------------

    @cached_property
    def steps(self):
        """Steps of a Pipeline, those of Pipelines within it too, else the model."""
        return pipeline_steps(self.model)

    @cached_property
    def estimator(self):
        """The topic model: the last step.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        TypeError
            If it has no `components_`.
        """
        last, name = self.steps[-1], type(self.steps[-1]).__name__
        if not hasattr(last, "fit"):
            raise TypeError(
                f"model is of type {name}. The fitted model comes first, then its "
                "documents."
            )
        check_is_fitted(last)
        if not hasattr(last, "components_"):
            raise TypeError(
                f"{name} has no components_. Pass a fitted topic model, a Pipeline "
                "whose last step is one, or a search over one with refit=True."
            )
        return last

    @property
    def name(self):
        """Name of the topic model's class."""
        return type(self.estimator).__name__

    @property
    def trained(self):
        """The model of skvae with a net, perhaps within the topic model, or None."""
        return trained_model(self.estimator)

    @property
    def components(self):
        return self.estimator.components_

    @cached_property
    def signed(self):
        """Whether codes are of any sign rather than topic proportions, as NVDM's.

        skvae's models say so; others are judged by their components.
        """
        if hasattr(self.estimator, "_gives_proportions"):
            return not self.estimator._gives_proportions
        return bool(np.min(self.components) < 0)

    def check_proportions(self):
        """Raise ValueError unless codes are topic proportions, or can be made such."""
        if self.signed:
            raise ValueError(
                f"{self.name} has no topic proportions: its codes are signed. "
                "GSMTopicModel, ProdLDATopicModel, LDA and NMF have."
            )

    # --- words --------------------------------------------------------------------

    @cached_property
    def known_words(self):
        """Names of the columns of `components_` that the model knows, or None.

        Raises
        ------
        ValueError
            If a model and the steps before it know them, and differ.
        """
        *earlier, last = self.steps
        if hasattr(last, "feature_names_in_"):
            return last.feature_names_in_
        given, names = getattr(trained_model(last), "feature_names", None), None
        for step in earlier:
            nameless = names is None and not hasattr(step, "feature_names_in_")
            if nameless and hasattr(step, "n_features_in_"):
                continue  # it would make up x0, x1, ...
            try:
                names = step.get_feature_names_out(names)
            except (AttributeError, ValueError):  # such as a FunctionTransformer
                names = None
        if names is not None:
            table, _ = self._parted(pd.DataFrame(columns=names), None)
            names = table.columns.to_numpy(object)
        if given is None:
            return names
        owner = f"{type(last).__name__}(feature_names=)"
        check_same_columns(names, given, "the steps before it", owner)
        return np.asarray(given, dtype=object)

    @property
    def has_words(self):
        return self._feature_names is not None or self.known_words is not None

    @cached_property
    def words(self):
        """Names of the columns of `components_`: those given, else the model's.

        Raises
        ------
        ValueError
            If there are none, or not as many as features.
        """
        n_features, names = self.components.shape[1], self._feature_names
        if not self.has_words:
            raise ValueError(
                f"{self.name} was fitted without feature names. Pass feature_names="
                "vectorizer.get_feature_names_out(), or a Pipeline with the vectorizer."
            )
        if names is None:
            names = self.known_words
        else:  # which may be translations
            check_same_columns(
                names, self.known_words, "feature_names", self.name, allow_others=True
            )
        names = np.asarray(names, dtype=object)
        if names.shape != (n_features,):
            raise ValueError(
                f"feature_names has shape {names.shape}, but {self.name} was fitted on "
                f"{n_features} features. Pass one name per feature, in their order."
            )
        return names

    def word_column(self, word):
        """Column of a word; the error for an unknown one names words close to it."""
        found = np.flatnonzero(self.words == word)
        if len(found):
            return found[0]
        close = difflib.get_close_matches(str(word), map(str, self.words))
        hint = f" Close to it are {', '.join(map(repr, close))}." if close else ""
        raise ValueError(
            f"{word!r} is not among the {len(self.words)} words of the model.{hint}"
        )

    @cached_property
    def word_probabilities(self):
        """p(word | topic) of each topic; rows sum to one."""
        return self.word_probabilities_given(None)

    def word_probabilities_given(self, covariates):
        """p(word | topic) of each topic, given covariates or not; rows sum to one.

        Components that are non-negative are divided by their sums, as LDA's and NMF's
        need. Of others, such as NVDM's, it is what a code of 1 for the topic and 0 else
        decodes to.
        """
        last = self.estimator
        weights = np.asarray(last.components_, dtype=np.float64)
        if covariates is not None and not hasattr(last, "components_given"):
            raise ValueError(f"{self.name} knows no covariates. Leave them out.")
        if covariates is not None or hasattr(last, "covariate_components_"):
            weights = last.components_given(covariates)
        elif self.signed:
            decoded = np.zeros((1, 1))
            if hasattr(last, "inverse_transform"):
                decoded = np.asarray(last.inverse_transform(np.eye(len(weights))))
            if decoded.min() < 0 or not np.allclose(decoded.sum(axis=1), 1):
                raise ValueError(
                    f"{self.name} gives words the weight {weights.min():.3g}, which is "
                    "no probability. Pass a topic model."
                )
            weights = decoded
        total = weights.sum(axis=1, keepdims=True)
        uniform = np.full_like(weights, 1 / weights.shape[1])
        return np.divide(weights, total, out=uniform, where=total > 0)

    @property
    def words_of_documents(self):
        """p(word) in documents of one topic alone; rows sum to one."""
        # Where components are something else.
        own = getattr(self.estimator, "word_probabilities_", None)
        return self.word_probabilities if own is None else own

    # --- topics -------------------------------------------------------------------

    @cached_property
    def topic_names(self):
        """Names that users gave, by TopicGroups or seed words, else "topic 0", ..."""
        numbered = numbered_topics(len(self.components))
        return getattr(self.estimator, "topic_names_", numbered)

    @property
    def given_names(self):
        """Names that users gave topics, None for those that have a number."""
        pairs = zip(self.topic_names, numbered_topics(len(self.components)))
        return [None if name == number else name for name, number in pairs]

    def topic_number(self, topic):
        """Row of `components_` of a topic, given by that or by its name."""
        names = list(self.topic_names)
        if isinstance(topic, Integral) and 0 <= topic < len(names):
            return int(topic)
        if topic in names:
            return names.index(topic)
        raise ValueError(
            f"topic={topic!r}, but the topics are 0 to {len(names) - 1}, or "
            f"{names[0]!r} to {names[-1]!r}."
        )

    def chosen_topics(self, topics, sizes):
        """Rows of the topics to show: named, or those of the largest sizes.

        `topics` is their number, None for all, or a list of numbers and names.
        """
        if topics is not None and not isinstance(topics, Integral):
            return [self.topic_number(topic) for topic in topics]
        if topics is not None:
            check_scalar(topics, "topics", Integral, min_val=1)
        return np.argsort(-np.asarray(sizes), kind="stable")[:topics]

    def leading_columns(self, n_words, scores=None):
        """Columns of the largest scores of each topic, or all if there are fewer.

        Scores are the components unless others are given.
        """
        check_n_words(n_words)
        scores = self.components if scores is None else scores
        return top_columns(scores, min(n_words, scores.shape[1]))

    def top_lists(self, n_words=5):
        """Top words of each topic as one string, or None without names of words."""
        if not self.has_words:
            return None
        words = self.words[self.leading_columns(n_words)]
        return np.array([" ".join(map(str, row)) for row in words], dtype=object)

    def captions(self, n_words):
        """What pictures call the topics, with their top words if these are known."""
        lists = self.top_lists(n_words)
        return self.topic_names if lists is None else self.topic_names + "  " + lists

    @cached_property
    def word_overlaps(self):
        """What each two topics have in common, by the probabilities of their words.

        1 for equal ones, 0 for those without a word in common (Bhattacharyya).
        """
        roots = np.sqrt(self.word_probabilities)
        return np.minimum(roots @ roots.T, 1)  # which rounding may exceed

    @property
    def topic_distances(self):
        """Hellinger distances of the topics' words, from 0 to 1."""
        distances = np.sqrt(1 - self.word_overlaps)
        np.fill_diagonal(distances, 0)
        return distances

    # --- documents ----------------------------------------------------------------

    def _parted(self, X, embeddings):
        """X and embeddings, parted by the model of skvae if there is one."""
        reader = embeddings_reader(self.steps[-1])
        columns = getattr(reader, "embedding_columns", None)
        if columns is None:
            return X, embeddings
        return split_embeddings(reader, X, embeddings, columns, reset=False)

    @cached_property
    def _input(self):
        last, X = self.steps[-1], self.X
        if not isinstance(X, Sized) and not hasattr(X, "shape"):
            raise TypeError(
                f"X is a {type(X).__name__}, which can be read once. Pass a list of it."
            )
        for step in self.steps[:-1]:
            X = step.transform(X)
        X, embeddings = self._parted(X, self._side_data["embeddings"])
        if (names := column_names(X)) is not None:
            check_same_columns(names, self.known_words, "X", type(last).__name__)
        side_data = self._side_data | {"embeddings": embeddings}
        return X, as_keywords(last, **side_data)

    @property
    def counts(self):
        """Documents as the topic model sees them, without columns of embeddings."""
        return self._input[0]

    @property
    def side_data(self):
        """What the topic model is given beside the counts, by kind."""
        return self._input[1]

    @property
    def encodes_texts(self):
        """Whether a Pipeline computes the embeddings of the documents, from texts."""
        reader = embeddings_reader(self.steps[-1])
        return (
            self._side_data["embeddings"] is None
            and contains_texts(self.X)
            and bool(getattr(reader, "_n_embedding_features", 0))
        )

    def halves(self):
        """First halves of texts as documents of the same model, and second halves."""
        first, second = text_halves(self.X)
        covariates = self._side_data["covariates"]
        return FittedTopics(self.model, first, covariates=covariates), second

    @cached_property
    def side_rows(self):
        """The same as a row for each document, to index."""
        return rows_of(self.estimator, self.side_data, self.csr.shape[0])

    @cached_property
    def csr(self):
        """The counts, checked, as a CSR array of doubles."""
        return check_csr(self.counts)

    @cached_property
    def n_tokens(self):
        """Length of each document."""
        return self.csr.sum(axis=1)

    def check_n_features(self, name="X"):
        """Raise ValueError unless the counts have the features of the model."""
        n_features = self.components.shape[1]
        if self.csr.shape[1] != n_features:
            raise ValueError(
                f"{name} has {self.csr.shape[1]} features, but {self.name} was "
                f"fitted on {n_features}. Count with the same vectorizer."
            )

    @cached_property
    def n_documents(self):
        """Number of documents."""
        X = self.X
        return X.shape[0] if hasattr(X, "shape") else len(X)

    @cached_property
    def texts(self):
        """Texts of the documents, given or X itself, or None if there are none.

        Raises
        ------
        ValueError
            If there are not as many as documents, or if they are labelled otherwise.
        """
        X, texts = self.X, self._texts
        if texts is None:
            return np.asarray(X, dtype=object).ravel() if contains_texts(X) else None
        sequence = isinstance(texts, Sized) and not isinstance(texts, str)
        if not sequence or len(texts) != self.n_documents:
            found = (
                f"There are {len(texts)} texts"
                if sequence
                else f"texts is {texts!r:.60}"
            )
            raise ValueError(
                f"{found}, but X has {self.n_documents} documents. Pass a sequence of "
                "strings, one text for each, in the order of X."
            )
        self.check_index("texts", texts)
        return np.asarray(texts, dtype=object)

    def check_index(self, name, values):
        """Raise ValueError if values of the documents are labeled otherwise than X."""
        ours, theirs = row_labels(self.X), row_labels(values)
        if ours is not None and theirs is not None and not ours.equals(theirs):
            raise ValueError(
                f"The index of {name} is not that of X. Bring both into the same order."
            )

    def document(self, row):
        """FittedTopics of a single document, given by its number."""
        X = self.X
        if not 0 <= row < self.n_documents:
            raise ValueError(f"document={row}, but X has {self.n_documents} documents.")
        if isinstance(X, (pd.DataFrame, pd.Series)):
            X = X.iloc[[row]]
        elif sp.issparse(X):
            X = sp.csr_array(X)[[row]]
        else:
            X = X[[row]] if isinstance(X, np.ndarray) else [X[row]]
        side_data = as_keywords(self.estimator, **self._side_data)
        side_data = rows_of(self.estimator, side_data, self.n_documents)
        side_data = {kind: values[[row]] for kind, values in side_data.items()}
        return FittedTopics(self.model, X, **side_data)

    # --- codes --------------------------------------------------------------------

    @cached_property
    def codes(self):
        """Codes of the documents, as proportions if they can be; (n_samples, n_topics).

        Codes without negative ones are divided by their sums, as NMF's need; a document
        that no topic has a part of is shared by all.
        """
        codes = self.estimator.transform(self.counts, **self.side_data)
        codes = np.asarray(codes, dtype=np.float64)
        if self.signed:
            return codes
        shares = normalize(codes, norm="l1")
        shares[shares.sum(axis=1) == 0] = 1 / codes.shape[1]
        return shares

    @property
    def proportions(self):
        """Topic proportions of the documents; an error if the model has none."""
        self.check_proportions()
        return self.codes

    def posterior_draws(self, n_draws=N_DRAWS):
        """Draws of the codes from the posterior; (n_draws, n_samples, n_topics).

        Of models without a posterior, all draws are the codes.
        """
        if hasattr(self.estimator, "_posterior_draws"):
            return self.estimator._posterior_draws(
                self.counts, n_draws, **self.side_data
            )
        return np.repeat(self.codes[None], n_draws, axis=0)

    @cached_property
    def posterior_variances(self):
        """Variances of the codes over the posterior; (n_samples, n_topics).

        Zeros if the model has no posterior. Blocks of documents bound the memory.
        """
        counts, n_topics = self.counts, len(self.components)
        variances = np.zeros((self.csr.shape[0], n_topics))
        if not hasattr(self.estimator, "_posterior_draws"):
            return variances
        counts = sp.csr_array(counts) if sp.issparse(counts) else counts
        counts = getattr(counts, "iloc", counts)
        size = max(1, BLOCK_SIZE // (N_DRAWS * n_topics))
        for rows in gen_batches(len(variances), size):
            side_data = {kind: values[rows] for kind, values in self.side_rows.items()}
            block = FittedTopics(self.estimator, counts[rows], **side_data)
            variances[rows] = block.posterior_draws().var(axis=0)
        return variances

    # --- the space of words, topics and documents ---------------------------------
    # Of GSM it is that of the embeddings: words and topics have theirs, and a
    # document's is the mean of those of its topics, weighted by its proportions. Of
    # other models it has a dimension for each topic, which is a unit vector there:
    # words are columns of `components_` and documents their codes. Closeness is the
    # cosine.

    @property
    def word_vectors(self):
        """Vectors of the words; (n_features, size)."""
        if hasattr(self.estimator, "word_embeddings_"):
            return self.estimator.word_embeddings_
        return self.components.T if self.signed else self.word_probabilities.T

    @property
    def topic_vectors(self):
        """Vectors of the topics; (n_topics, size)."""
        unit = np.eye(len(self.components))
        return getattr(self.estimator, "topic_embeddings_", unit)

    @cached_property
    def vectors(self):
        """Vectors of the documents; (n_samples, size)."""
        return self.codes @ self.topic_vectors

    def nearest_documents(self, n_documents):
        """Rows of the documents closest to each topic, and their cosines with it.

        Of equally close ones, those with the largest shares come first, and then those
        with most of the topic's words. Documents without tokens and repeated texts are
        left out: their cosine is -inf.
        """
        similarity = cosines(self.vectors, self.topic_vectors)
        similarity[self.n_tokens == 0] = -np.inf
        if self.texts is not None:
            lines = pd.Series([" ".join(str(text).split()) for text in self.texts])
            repeated = lines.duplicated() & ~pd.isna(self.texts)
            similarity[repeated] = -np.inf
        keys = [-similarity.T.round(9)]
        if not self.signed:
            n_words = self.counts @ self.components.T
            keys = [-n_words.T, -self.codes.T.round(3), -similarity.T.round(3)]
        order = np.lexsort(keys, axis=1)
        rows = order[:, :n_documents]
        return rows, np.take_along_axis(similarity.T, rows, axis=1)


def cosines(vectors, others):
    """Cosine of each vector with each of others; zeros are close to nothing."""
    return normalize(vectors) @ normalize(others).T


def text_halves(texts):
    """Return the first and the second halves of texts, split between words."""
    words = [text.split() for text in texts]
    first = [" ".join(of_text[: len(of_text) // 2]) for of_text in words]
    return first, [" ".join(of_text[len(of_text) // 2 :]) for of_text in words]


def row_labels(X):
    """Index of a DataFrame or Series, else None."""
    return X.index if isinstance(X, pd.DataFrame | pd.Series) else None


def pipeline_steps(model):
    """Return the steps of a Pipeline, those of Pipelines within it too.

    Of a search, they are those of its best estimator; else `model` is the only step.
    """
    if hasattr(model, "best_estimator_"):
        return pipeline_steps(model.best_estimator_)
    if isinstance(model, Pipeline):
        steps = [step for _, step in model.steps if step not in (None, "passthrough")]
        return [inner for step in steps for inner in pipeline_steps(step)]
    if hasattr(model, "_as_steps") and hasattr(model, "components_"):  # TopicGroups
        return model._as_steps()
    return [model]


def last_step(model):
    """Return the last step of a Pipeline, else `model` itself; fitted or not."""
    return pipeline_steps(model)[-1]


def trained_model(model):
    """Return the model of skvae with a net: `model`, or that within it, or None."""
    last = last_step(model)
    if hasattr(last, "estimator_"):
        return trained_model(last.estimator_)
    return last if hasattr(last, "net_") else None


def embeddings_reader(model):
    """Return the model that is given embeddings, `model` or that within it, or None."""
    last = last_step(model)
    if hasattr(last, "_n_embedding_features"):
        return last
    return embeddings_reader(last.estimator_) if hasattr(last, "estimator_") else None


def as_keywords(model, **side_data):
    """Covariates and embeddings as keywords of a fitted model's methods.

    Raises
    ------
    ValueError
        If there are some of which the model knows nothing.
    """
    given = {kind: values for kind, values in side_data.items() if values is not None}
    known = inspect.signature(model.transform).parameters
    for kind in given:
        if kind not in known:
            raise ValueError(f"{type(model).__name__} knows no {kind}. Leave them out.")
    return given


def rows_of(model, given, n_samples):
    """What is given to a fitted model, by kind, as a row for each sample, to index."""
    rows = dict(given)
    if "embeddings" in rows:
        reader, embeddings = embeddings_reader(model), rows["embeddings"]
        rows["embeddings"] = check_embeddings(
            reader, embeddings, n_samples, reset=False
        )
    if (covariates := rows.get("covariates")) is None:
        return rows
    model = trained_model(model)
    check_covariates(model, covariates, n_samples, reset=False)
    labeled = hasattr(model, "covariate_values_")
    if sp.issparse(covariates):
        covariates = sp.csr_array(covariates)
    else:
        covariates = np.asarray(covariates, dtype=object if labeled else None)
        if covariates.ndim < 2 - labeled:  # one for all
            shape = (n_samples, model.net_.config["n_covariates"])[: 2 - labeled]
            covariates = np.broadcast_to(covariates, shape)
    return rows | {"covariates": covariates}


def parameters_of(estimator):
    """Name, value and whether it is not the default, of all parameters; changed first.

    Values are cut short: word vectors could fill a book.
    """
    short = reprlib.Repr()
    short.maxstring = short.maxother = 120
    signature = inspect.signature(type(estimator)).parameters
    rows = []
    for name, value in estimator.get_params(deep=False).items():
        value, default = short.repr(value), short.repr(signature[name].default)
        rows.append((name, " ".join(value.split()), value != default))
    return sorted(rows, key=lambda row: not row[2])


def call_of(estimator):
    """An estimator as the call that makes it, in one line."""
    return " ".join(repr(estimator).split())
