"""Names of scikit-learn's LDA, gensim and BERTopic, and what skvae calls them."""

import functools
import inspect

PARAMETERS = {
    **dict.fromkeys(["n_topics", "num_topics", "nr_topics"], "n_components"),
    **dict.fromkeys(["latent_dim", "n_latent", "n_clusters"], "n_components"),
    **dict.fromkeys(["max_iter", "epochs", "n_epochs", "passes"], "max_epochs"),
    **dict.fromkeys(["hidden_sizes", "hidden_dims"], "hidden_layer_sizes"),
    **dict.fromkeys(["alpha", "doc_topic_prior"], "concentration"),
    "learning_rate": "lr",
    "beta": "kl_weight",
    "eta": "topic_word_prior",
    "loss": "likelihood",
    "seed_topic_list": "seed_words",
    "hdbscan_model": "clusterer",
}

WORDS = "skvae.inspection.top_words(model)"
SIZES = "skvae.inspection.topic_sizes(model, X)"
PREVALENCE = "skvae.inspection.topic_prevalence(model, X, by)"
TEXTS = "skvae.inspection.representative_documents(model, X, texts)"
EMBEDDING_MAP = "skvae.plotting.EmbeddingMapDisplay"
# Attributes and methods of topic models.
ATTRIBUTES = {
    **dict.fromkeys(["get_topics", "get_topic", "top_words"], WORDS),
    **dict.fromkeys(["print_topics", "show_topics"], WORDS),
    **dict.fromkeys(["get_topic_info", "get_topic_freq"], SIZES),
    **dict.fromkeys(["topics_over_time", "topics_per_class"], PREVALENCE),
    **dict.fromkeys(["merge_topics", "reduce_topics"], "skvae.TopicGroups"),
    **dict.fromkeys(["get_document_topics", "probabilities_"], "transform(X)"),
    **dict.fromkeys(["predict", "topics_"], "transform(X).argmax(axis=1)"),
    **dict.fromkeys(["bound_", "log_perplexity"], "score(X)"),
    **dict.fromkeys(["visualize_topics", "visualize_documents"], EMBEDDING_MAP),
    "coherence": "skvae.metrics.npmi_coherence(model, X)",
    "find_topics": "skvae.inspection.most_similar(model, word=...)",
    "generate_topic_labels": "skvae.inspection.name_topics(model)",
    "get_representative_docs": TEXTS,
    "hierarchical_topics": "skvae.inspection.topic_hierarchy(model)",
    "visualize_barchart": "skvae.plotting.TopicWordsDisplay",
    "visualize_hierarchy": "skvae.plotting.TopicHierarchyDisplay",
    "visualize_topics_over_time": "skvae.plotting.TopicPrevalenceDisplay",
}


def explain_keywords(function):
    """Decorate a function so that its TypeError names the right parameter."""
    name = function.__qualname__.removesuffix(".__init__")
    known = inspect.signature(function).parameters

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        for keyword in kwargs.keys() - known.keys():
            here = PARAMETERS.get(keyword)
            hint = f" It is called {here!r}." if here in known else ""
            raise TypeError(f"{name}() has no parameter {keyword!r}.{hint}")
        return function(*args, **kwargs)

    return wrapper


class ExplainsKeywords:
    """Base of estimators whose constructors name the right parameter."""

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "__init__" in vars(cls):
            cls.__init__ = explain_keywords(cls.__init__)
