"""How much of documents is about a topic, in each period or group."""

from skvae.fitted.model import topic_model_input, topic_proportions
from skvae.fitted.proportions import prevalence_of


def topic_prevalence(model, X, by, *, freq="M", covariates=None, embeddings=None):
    """Mean topic proportions of documents over time, or by group, with their errors.

    Parameters
    ----------
    model : estimator or Pipeline
        A fitted topic model with topic proportions, or a fitted Pipeline that ends in
        one.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Documents, as the input of `model`.
    by : array-like of shape (n_samples,)
        Dates of the documents, as `pandas.to_datetime` makes them, or pandas Periods;
        else their groups, as names or numbers.
    freq : str, default="M"
        Length of the periods that dates are put into, as of pandas Periods: "Y", "Q",
        "M", "W" or "D", for example, or a multiple such as "2W". Multiples are counted
        from 1970: "6M" are half-years and "10Y" decades. Not used for groups.
    covariates : array-like, default=None
        Of the documents, if the model was fitted with covariates.
    embeddings : array-like of shape (n_samples, n_embedding_features), default=None
        Of the documents, if the model was fitted with embeddings beside X.

    Returns
    -------
    prevalence : DataFrame of shape (n_groups * n_topics, 5)
        Group by group, in their order, with the columns "group" (a Period, or the value
        of `by`), "topic" (its name), "share", the mean proportion of the documents,
        "std_error", its standard error, and "documents", how many they are. Periods
        within the span that have no documents are there, with a share of NaN; the error
        of a single document is NaN. Documents without tokens are left out, unless the
        model knows them by embeddings.

    Raises
    ------
    NotFittedError
        If the model is not fitted.
    ValueError
        If the model has no topic proportions, such as NVDM, whose codes are signed; if
        there are not as many dates or groups as documents, or some are missing; or if
        no document is left.

    See Also
    --------
    skvae.plotting.TopicPrevalenceDisplay : Draws it.
    topic_sizes : Of all documents, where long ones count more.
    top_words : At given covariates, how words of a topic differ by period or group.

    Notes
    -----
    The error of a mean has two parts: documents are a sample of what might have been
    written, and their proportions are known up to the posterior only. The second part
    is the mean variance of the proportions under q(z | x) [1]_, of which `TopicGroups`
    group the draws. The posterior of a `ConsensusTopicModel` is the equal mixture of
    those of its members. `ClusterTopicModel`, LDA and NMF have no posterior to draw
    from: their variance is 0, and the error is that of the sample alone.

    References
    ----------
    .. [1] Treier, S. and Jackman, S. (2008). Democracy as a latent variable. American
       Journal of Political Science. (The method of composition, as in the structural
       topic model's estimateEffect.)
       https://doi.org/10.1111/j.1540-5907.2007.00308.x

    Examples
    --------
    >>> import pandas as pd
    >>> from sklearn.decomposition import LatentDirichletAllocation
    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from sklearn.pipeline import make_pipeline
    >>> from skvae.inspection import topic_prevalence
    >>> texts = ["cat cat dog", "dog cat cat", "train bus train", "bus train train"]
    >>> lda = LatentDirichletAllocation(2, random_state=0)
    >>> model = make_pipeline(CountVectorizer(), lda).fit(texts)
    >>> dates = pd.to_datetime(["2024-03-01", "2024-03-09", "2024-05-02", "2024-05-03"])
    >>> found = topic_prevalence(model, texts, dates)
    >>> found.pivot(index="group", columns="topic", values="share").round(1)
    topic    topic 0  topic 1
    group
    2024-03      0.9      0.1
    2024-04      NaN      NaN
    2024-05      0.1      0.9
    """
    counts, given = topic_model_input(
        model, X, covariates=covariates, embeddings=embeddings
    )
    shares = topic_proportions(model, counts, given)
    return prevalence_of(model, counts, given, shares, by, freq)
