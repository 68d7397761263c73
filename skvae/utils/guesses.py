"""Names that people type who know other libraries, and what is meant by them here.

Nothing answers to these names: they only make errors that say what does.
"""

import difflib
import functools
import inspect

# Parameters: what they are called here,
PARAMETERS = {
    "n_components": (
        "n_topics num_topics nr_topics n_clusters k latent_dim latent_dims "
        "latent_size n_latent z_dim code_size encoding_dim"
    ),
    "max_epochs": "max_iter n_epochs epochs num_epochs n_iter passes iterations",
    "lr": "learning_rate learning_rate_init",
    "hidden_layer_sizes": (
        "hidden_sizes hidden_layers hidden_dims hidden_dim n_hidden hidden_units "
        "layers layer_sizes n_layers"
    ),
    "random_state": "seed random_seed",
    "n_iter_no_change": "patience",
    "dropout": "dropout_rate",
    "kl_weight": "beta",
    "kl_warmup": "warmup n_epochs_kl_warmup",
    "likelihood": "loss distribution gene_likelihood reconstruction_loss",
    "image_shape": "input_shape",
    "denoising": "noise noise_level",
    "device": "gpu use_gpu cuda accelerator",
    "concentration": "alpha doc_topic_prior",
    "topic_word_prior": "eta",
    "seed_words": "seed_topic_list seed_topics anchor_words",
    "estimator": "model",
    "clusterer": "cluster_model hdbscan_model",
    "n_members": "n_runs n_estimators n_fits",
    "n_words": "top_n_words n_top_words top_n topn num_words top_k",
    "n_seeds": "n_repeats n_runs",
}
# and what there is instead, where they are not called anything.
ELSEWHERE = {
    "Several fits at a time are n_jobs of GridSearchCV and compare_models, threads of "
    "one torch.set_num_threads": "n_jobs num_workers",
    "The prior of a document's topics is learnt": "alpha doc_topic_prior",
    "GSMTopicModel has topic_word_prior": "eta topic_word_prior",
    "GSMTopicModel has seed_words": (
        "seed_words seed_topic_list seed_topics anchor_words"
    ),
    "VAETransformer has kl_weight": "beta kl_weight",
    "ClusterTopicModel has clusterer": "cluster_model hdbscan_model umap_model",
    "n_components is the number of topics": "min_topic_size",
    "transform always gives proportions": "calculate_probabilities",
    "All of X is fitted and X_test measured, n_seeds times; folds are those of "
    "GridSearchCV": "cv n_splits",
    "skvae.inspection.top_words(model, by='relevance') passes by frequent words": (
        "ctfidf_model reduce_frequent_words"
    ),
    "skvae.inspection.name_topics has namer": "representation_model",
    "VAETransformer has likelihood": "loss likelihood",
    "Training always goes by batches, of batch_size rows": "learning_method",
    "It is Adam, and lr its largest learning rate": "optimizer solver",
    "The schedule is fixed, and lr its largest learning rate": (
        "learning_decay learning_offset weight_decay"
    ),
    "early_stopping=True stops where held-out rows gain no more": (
        "tol perp_tol evaluate_every"
    ),
    "Nothing is iterated for a document": (
        "mean_change_tol max_doc_update_iter total_samples"
    ),
    "Put a CountVectorizer that has such parameters before it, in a Pipeline": (
        "stop_words max_df min_df max_features ngram_range n_gram_range vocabulary "
        "vectorizer vectorizer_model tokenizer lowercase language"
    ),
    "fit(X, embeddings=...) takes vectors of the documents": (
        "embedding_model embeddings"
    ),
    "fit(X, covariates=...) takes what is known of the rows": (
        "covariates metadata batch_key labels"
    ),
    "skvae.inspection.top_words has n_words": "n_words top_n_words n_top_words",
    "Its figures are fixed; GridSearchCV takes skvae.metrics.completion_scorer": (
        "scoring metric metrics"
    ),
}
# Attributes and methods: what there is instead, in models with a net,
OF_NETS = {
    "n_components": "n_components_ n_topics n_topics_ num_topics latent_dim n_latent",
    "history_": "history loss_ losses_ loss_curve_ loss_history_",
    "score(X)": "elbo log_likelihood bound_ log_perplexity",
    "net_.module_": "module module_ model_",
    "partial_fit(X)": "update update_model",
    "save(path)": "save_model dump to_disk",
}
# in any topic model,
OF_TOPIC_MODELS = {
    "skvae.inspection.top_words(model)": (
        "top_words topic_words print_topics print_topic show_topics show_topic "
        "get_topics get_topic get_topic_words get_topic_terms topics"
    ),
    "skvae.inspection.topic_sizes(model, X)": (
        "topic_sizes topic_sizes_ get_topic_info get_topic_freq"
    ),
    "transform(X)": (
        "encode predict_proba probabilities_ doc_topic_ theta_ get_document_topics "
        "get_document_info approximate_distribution"
    ),
    "transform(X).argmax(axis=1), or ClusterTopicModel": (
        "predict fit_predict labels_ topics_"
    ),
    "inverse_transform(codes)": "decode reconstruct",
    "components_": (
        "topic_word_ topic_word_distribution_ beta_ phi_ get_beta "
        "exp_dirichlet_component_"
    ),
    "skvae.metrics.npmi_coherence(model, X)": (
        "coherence coherence_ get_coherence npmi c_v"
    ),
    "skvae.plotting.TopicWordsDisplay.from_estimator(model)": (
        "plot plot_topics visualize_barchart visualize_term_rank"
    ),
    "skvae.plotting.EmbeddingMapDisplay.from_estimator(model, X)": (
        "visualize_topics visualize_documents"
    ),
    "skvae.plotting.TopicHierarchyDisplay.from_estimator(model)": "visualize_hierarchy",
    "skvae.plotting.TopicPrevalenceDisplay.from_estimator(model, X, by)": (
        "visualize_topics_over_time visualize_topics_per_class"
    ),
    "skvae.inspection.topic_prevalence(model, X, by)": (
        "topics_over_time topics_per_class"
    ),
    "skvae.inspection.topic_hierarchy(model)": "hierarchical_topics get_topic_tree",
    "skvae.metrics.topic_similarity(model, model)": "visualize_heatmap",
    "skvae.TopicGroups(model, groups)": (
        "merge_topics reduce_topics set_topic_labels update_topics"
    ),
    "skvae.inspection.most_similar(model, word=...)": "find_topics",
    "skvae.inspection.representative_documents(model, X, texts)": (
        "get_representative_docs representative_docs_"
    ),
    "skvae.inspection.name_topics(model)": "generate_topic_labels topic_labels_",
}
# and in autoencoders.
OF_AUTOENCODERS = {
    "transform(X)": "encode embed get_latent_representation encoder_",
    "inverse_transform(codes)": "decode generate_from decoder_",
    "reconstruct(X)": "predict forward reconstruction",
    "score_samples(X), which is low where rows are unlike those of the fit": (
        "decision_function anomaly_score anomaly_scores outlier_scores "
        "reconstruction_error log_prob"
    ),
    "sample(n_samples)": "generate sample_prior",
    "transform(X), and a clusterer such as KMeans": "labels_ fit_predict predict_proba",
}


def meant_by(guess, table):
    """Return the keys of a table that a guess is listed with."""
    return [meant for meant, guesses in table.items() if guess in guesses.split()]


def hint_at_parameter(guess, known):
    """Return a sentence on what there is for a parameter that there is not."""
    if called := [name for name in meant_by(guess, PARAMETERS) if name in known]:
        return f"It is called {called[0]!r}."
    if instead := meant_by(guess, ELSEWHERE):
        return f"{instead[0]}."
    if close := difflib.get_close_matches(guess, known, 1):
        return f"Is it {close[0]!r}?"
    return f"It has {', '.join(known)}."


def tells_parameters(function):
    """A function, or an `__init__`, whose errors tell what parameters are called."""
    known = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name != "self" and parameter.kind is not parameter.VAR_KEYWORD
    ]

    @functools.wraps(function)
    def telling(*args, **kwargs):
        for name in kwargs:
            if name in known:
                continue
            called = function.__name__
            if called == "__init__":
                called = type(args[0]).__name__
            raise TypeError(
                f"{called}() has no parameter {name!r}. "
                f"{hint_at_parameter(name, known)}"
            )
        return function(*args, **kwargs)

    return telling


class TellsNames:
    """Base of estimators whose errors tell what parameters and attributes are called.

    It stands before scikit-learn's BaseEstimator.
    """

    # Attributes and methods that are guessed, as in the tables above.
    _guesses: dict = {}

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        # Classes of others may take any parameters.
        if "__init__" in vars(cls) and cls.__module__.startswith("skvae."):
            cls.__init__ = tells_parameters(cls.__init__)

    def __getattr__(self, name):
        try:
            # Once more, since a property may have told why it has nothing.
            return super().__getattribute__(name)
        except AttributeError as error:
            if hasattr(type(self), name):
                raise
            documented = f"\n    {name} : " in (type(self).__doc__ or "")
            if documented and "n_features_in_" not in vars(self):
                hint = "`fit` sets it."
            elif instead := meant_by(name, self._guesses):
                hint = f"Use {instead[0]}."
            else:
                raise
            raise AttributeError(f"{error}. {hint}") from None

    def set_params(self, **params):
        """Set parameters, those of estimators within it too.

        Parameters
        ----------
        **params : dict
            Values by names; those of estimators within it as ``estimator__name``.

        Returns
        -------
        self : object
            This estimator.

        Raises
        ------
        ValueError
            If there is no such parameter. Where it would be one of this estimator,
            nothing is set then.
        """
        known = self._get_param_names()
        for name in params:
            own = name.partition("__")[0]
            if own not in known:
                raise ValueError(
                    f"Invalid parameter {own!r} for estimator {self}. "
                    f"{hint_at_parameter(own, known)}"
                )
        return super().set_params(**params)
