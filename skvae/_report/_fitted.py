"""A fitted topic model and documents, as the report needs them."""

from functools import cached_property

from skvae.fitted.documents import document_texts
from skvae.fitted.model import (
    check_n_features,
    check_proportions,
    is_signed,
    topic_codes,
    topic_model,
    topic_model_input,
    word_names,
)
from skvae.fitted.proportions import prevalence_of
from skvae.fitted.space import vectors_of
from skvae.utils.counts import check_csr


class ModelWithDocuments:
    """What the model makes of the documents, each thing computed once."""

    def __init__(self, model, X, texts=None, *, feature_names=None, **beside):
        self.estimator = topic_model(model)
        counts, self.given = topic_model_input(model, X, **beside)
        if hasattr(counts, "reset_index"):  # rows by their numbers, as texts
            counts = counts.reset_index(drop=True)
        self.counts = counts
        self.signed = is_signed(self.estimator)
        self.texts = document_texts(X, texts)
        self._model, self._feature_names = model, feature_names

    def check_n_features(self, name="X"):
        check_n_features(self.estimator, self.counts, name)

    @cached_property
    def words(self):
        return word_names(self._model, self._feature_names)

    @cached_property
    def n_tokens(self):
        return check_csr(self.counts).sum(axis=1)

    @cached_property
    def codes(self):
        return topic_codes(self.estimator, self.counts, self.given)

    @cached_property
    def vectors(self):
        return vectors_of(self.estimator, self.codes)

    def prevalence(self, by, freq):
        check_proportions(self.estimator)
        documents = self.counts, self.given, self.codes
        return prevalence_of(self.estimator, *documents, by, freq)
