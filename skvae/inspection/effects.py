"""How topic proportions depend on what is known about the documents."""

import numpy as np
import pandas as pd
import scipy.sparse as sp
from scipy import stats

from skvae.inspection.prevalence import documents_with_words
from skvae.models.fitted import FittedTopics

# As many draws as stm's estimateEffect takes.
N_DRAWS = 25


def topic_effects(
    model,
    X,
    design,
    data=None,
    *,
    sample_weight=None,
    clusters=None,
    n_words=5,
    feature_names=None,
    covariates=None,
    embeddings=None,
):
    """Regress topic proportions on what is known about the documents.

    It is the counterpart of ``estimateEffect`` of the R package stm: a linear
    regression of each topic's proportions, with intervals that contain the uncertainty
    of the proportions.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model with topic proportions, or a fitted Pipeline that ends in
        one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Documents, as the input of `model`. They may be others than those of the fit.
    design : DataFrame or Series of n_samples rows, or str
        What the proportions depend on. Numbers and booleans are used as they are.
        Strings and categories become indicators of all values but the first, the
        reference: the first category, or the first value in alphabetical order. An
        intercept is added. A string is a formula over the columns of `data`, such as
        ``"party * bs(age, df=4)"``, for interactions, polynomials and splines; it needs
        the package formulaic.
    data : DataFrame of n_samples rows, default=None
        Columns of the formula.
    sample_weight : array-like of shape (n_samples,), default=None
        Weights of the documents, such as survey weights. Their scale does not matter.
    clusters : array-like of shape (n_samples,), default=None
        Who wrote each document, or where it comes from, if several of them are not
        independent. None takes all documents as independent.
    n_words : int, default=5
        Number of top words that describe a topic, if feature names are known.
    feature_names : array-like of shape (n_features,), default=None
        As in `top_words`.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings.

    Returns
    -------
    effects : DataFrame of shape (n_terms * n_topics, 8 or 9)
        Term by term, with a row for each topic and the columns "term", "topic",
        "words" (if feature names are known), "estimate" (by how much the proportion of
        the topic changes if the term rises by 1), "std_error", "low" and "high" (the 95
        % confidence interval), "p_value" of no effect, and "p_adjusted" for the number
        of topics (Holm's method). The first term is the intercept. Documents without
        tokens are left out, unless the model knows them by embeddings.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If the model has no topic proportions, such as NVDM, whose codes are signed; if
        the design has missing values, dates, or columns that depend on each other; or
        if it has other rows than X.
    ImportError
        If the design is a formula and formulaic is not installed.

    See Also
    --------
    topic_prevalence : Means over time or by group.
    skvae.plotting.TopicEffectDisplay : Draws the effects.

    Notes
    -----
    The regression is repeated for 25 draws of the proportions from the posterior of
    each document (the method of composition [1]_). An estimate is the mean over the
    draws, and its variance the mean of the robust variances (HC1, or clustered) plus
    the variance between the draws. `ClusterTopicModel`, LDA and NMF have no posterior
    to draw from: their intervals take the proportions as known, and are too narrow.

    If the groups that you compare were not among the covariates of the fit, the
    proportions of short documents are pulled towards those of all documents, and
    effects come out too small. Fit with ``covariate_effects="topics"`` instead.

    References
    ----------
    .. [1] Treier, S. and Jackman, S. (2008). Democracy as a latent variable. American
       Journal of Political Science, 52, 201-217.
       https://doi.org/10.1111/j.1540-5907.2007.00308.x

    Examples
    --------
    >>> import pandas as pd
    >>> from skvae import GSMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.inspection import topic_effects
    >>> corpus = make_topic_corpus(300, 50, 3, random_state=0)
    >>> model = GSMTopicModel(3, random_state=0).fit(corpus.data)
    >>> table = pd.DataFrame({"theme": corpus.target.astype(str)})
    >>> effects = topic_effects(model, corpus.data, table)
    >>> effects["term"].unique().tolist()
    ['intercept', 'theme=1', 'theme=2']
    """
    topics = FittedTopics.of(model, X, None, feature_names, covariates, embeddings)
    fit = TopicRegression(topics, design, data, sample_weight, clusters)
    return effects_of(fit, topics, n_words)


def effects_of(fit, topics, n_words):
    """Return a `TopicRegression` as the table of `topic_effects`."""
    error = np.sqrt(np.diagonal(fit.covariances, axis1=1, axis2=2)).T
    width = fit.half_width(error)
    with np.errstate(divide="ignore", invalid="ignore"):  # errors may be zero
        p = 2 * stats.t.sf(np.abs(fit.coefficients / error), fit.n_free)
    n_terms, n_topics = error.shape
    found = pd.DataFrame(
        {
            "term": np.repeat(fit.terms, n_topics),
            "topic": np.tile(topics.topic_names, n_terms),
            "estimate": fit.coefficients.ravel(),
            "std_error": error.ravel(),
            "low": (fit.coefficients - width).ravel(),
            "high": (fit.coefficients + width).ravel(),
            "p_value": p.ravel(),
            "p_adjusted": holm(p).ravel(),
        }
    )
    if (lists := topics.top_lists(n_words)) is not None:
        found.insert(2, "words", np.tile(lists, n_terms))
    return found


def holm(p):
    """Adjust p values of each row for their number, by Holm's method."""
    order = np.argsort(p, axis=1)
    factors = np.arange(p.shape[1], 0, -1)
    steps = np.maximum.accumulate(np.take_along_axis(p, order, 1) * factors, axis=1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(steps, 1), axis=1)
    return adjusted


class TopicRegression:
    """Regressions of the proportions of all topics on a design.

    Parameters are those of `topic_effects`.

    Attributes
    ----------
    terms : list of str of length n_terms
    coefficients : ndarray of shape (n_terms, n_topics)
    covariances : ndarray of shape (n_topics, n_terms, n_terms)
        Of the coefficients.
    n_free : int
        Degrees of freedom.
    encode : callable
        Returns the matrix of a table with the columns of `data`, or of the design.
    data : DataFrame
        These columns, for the documents of the regression.
    """

    def __init__(self, topics, design, data=None, sample_weight=None, clusters=None):
        topics.check_proportions()
        n_samples = topics.n_documents
        formula = isinstance(design, str)
        if formula and data is None:
            raise ValueError(f"The formula {design!r} needs data, a table of columns.")
        table = data if formula else design
        table = table if isinstance(table, pd.DataFrame) else pd.DataFrame(table)
        check_rows("data" if formula else "design", table, topics)
        table = table.set_axis(table.columns.map(str), axis=1)
        weights = np.ones(n_samples) if sample_weight is None else sample_weight
        clusters = np.arange(n_samples) if clusters is None else clusters
        for name, values in [("sample_weight", weights), ("clusters", clusters)]:
            check_rows(name, values, topics)
        weights, clusters = np.asarray(weights, dtype=float), np.asarray(clusters)
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
            raise ValueError("sample_weight must be finite, and not negative or all 0.")
        kept = documents_with_words(topics) & (weights > 0)
        self.data = table = table[kept]
        self.encode = encoder_of_formula(design, table) if formula else encoder(table)
        matrix = self.encode(table)
        self.terms = list(matrix.columns)
        draws = own_order(topics.posterior_draws(N_DRAWS))[:, kept]
        self.coefficients, self.covariances, self.n_free = regress(
            draws, matrix, weights[kept], clusters[kept]
        )

    def half_width(self, errors):
        """Half of the 95 % intervals of estimates with such standard errors."""
        return stats.t.ppf(0.975, self.n_free) * errors


def check_rows(name, values, topics):
    """Raise ValueError unless there is a value for each document, in their order."""
    if len(values) != topics.n_documents:
        raise ValueError(
            f"{name} has {len(values)} rows, but X has {topics.n_documents} documents."
        )
    topics.check_index(name, values)
    missing = pd.DataFrame(values).isna().any(axis=1).sum()
    if missing:
        raise ValueError(
            f"{name} has missing values in {missing} rows. Drop these rows from X too, "
            "or fill them, for example with fillna('unknown')."
        )


def encoder(table):
    """Return a function that encodes tables like this one, with an intercept."""
    dates = table.select_dtypes(["datetime", "datetimetz", "timedelta"]).columns
    if len(dates):
        raise ValueError(
            f"The column {dates[0]!r} holds dates. Pass numbers, such as the days "
            "since the first one, or strings for periods."
        )
    labels = table.columns[~table.dtypes.map(pd.api.types.is_numeric_dtype)]
    values = {name: pd.Categorical(table[name]).categories for name in labels}
    values = {
        name: [value for value in found if (table[name] == value).any()]
        for name, found in values.items()
    }

    def encode(table):
        table = table.assign(
            **{
                name: pd.Categorical(table[name].astype(object), found)
                for name, found in values.items()
            }
        )
        matrix = pd.get_dummies(
            table, columns=[*labels], prefix_sep="=", drop_first=True
        )
        matrix.insert(0, "intercept", 1.0)
        return matrix.astype(float)

    return encode


def encoder_of_formula(formula, table):
    """Return a function that encodes tables like this one, by a formula."""
    try:
        import formulaic
    except ImportError as error:
        raise ImportError(
            "A formula needs the package formulaic. Install it: pip install formulaic. "
            "Or pass a table as design."
        ) from error
    spec = formulaic.model_matrix(formula, table, na_action="raise").model_spec
    return lambda table: spec.get_model_matrix(table).rename(
        columns={"Intercept": "intercept"}
    )


def own_order(draws):
    """Draws of each document in an order of its own.

    Those of equal documents are equal: as one, they would seem to vary together.
    """
    rng = np.random.default_rng(0)
    order = np.tile(np.arange(len(draws))[:, None], draws.shape[1])
    return np.take_along_axis(draws, rng.permuted(order, axis=0)[:, :, None], axis=0)


def regress(draws, design, weights, clusters):
    """Pool the least-squares regressions of draws on a design.

    Parameters
    ----------
    draws : ndarray of shape (n_draws, n_samples, n_outcomes)
    design : DataFrame of shape (n_samples, n_terms)
    weights, clusters : ndarray of shape (n_samples,)

    Returns
    -------
    coefficients : ndarray of shape (n_terms, n_outcomes)
    covariances : ndarray of shape (n_outcomes, n_terms, n_terms)
    n_free : int

    Raises
    ------
    ValueError
        If there are too few documents, or columns that depend on each other.
    """
    matrix, terms = design.to_numpy(float), list(design.columns)
    numbers = np.unique(clusters, return_inverse=True)[1]
    (n, n_terms), n_clusters = matrix.shape, numbers.max(initial=-1) + 1
    n_free = min(n - n_terms, n_clusters - 1)
    if n_free < 1:
        raise ValueError(
            f"{n_terms} terms cannot be estimated from {n} documents in {n_clusters} "
            "clusters. Leave out columns or rare values."
        )
    unit = np.sqrt(np.square(matrix).mean(axis=0))
    unit[unit == 0] = 1
    roots = np.sqrt(weights / weights.mean())
    scaled = matrix / unit * roots[:, None]
    if (rank := np.linalg.matrix_rank(scaled)) < n_terms:
        raise ValueError(
            f"The {n_terms} columns of the design depend on each other (rank {rank}): "
            f"{', '.join(terms[:10])}. Leave out one that follows from the others, "
            "or a column with a single value."
        )
    # Coefficients are `solve` times outcomes.
    solve = np.linalg.pinv(scaled) * roots / unit[:, None]
    found = solve @ draws
    sums = sp.csr_array((np.ones(n), (numbers, np.arange(n))), (n_clusters, n))
    within = np.zeros((draws.shape[2], n_terms, n_terms))
    for draw, coefficients in zip(draws, found):
        residuals = draw - matrix @ coefficients
        for outcome, residual in enumerate(residuals.T):
            scores = sums @ (solve * residual).T
            within[outcome] += scores.T @ scores
    within *= n_clusters / (n_clusters - 1) * (n - 1) / (n - n_terms) / len(draws)
    deviations = (found - found.mean(axis=0)).transpose(2, 1, 0)
    between = deviations @ deviations.transpose(0, 2, 1) / max(len(draws) - 1, 1)
    return found.mean(axis=0), within + (1 + 1 / len(draws)) * between, n_free
