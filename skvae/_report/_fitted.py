"""A fitted topic model and documents, as the report needs them."""

from functools import cached_property

from skvae.fitted.model import (
    check_n_features,
    check_proportions,
    is_signed,
    topic_codes,
    topic_model,
    topic_model_input,
)
from skvae.fitted.proportions import prevalence_of
from skvae.fitted.space import vectors_of
from skvae.utils.counts import check_csr


class ModelWithDocuments:
    """What the model makes of the documents, each thing computed once."""

    def __init__(self, model, X, covariates=None, embeddings=None, *, name="X"):
        self.model = topic_model(model)
        counts, self.given = topic_model_input(
            model, X, covariates=covariates, embeddings=embeddings
        )
        if hasattr(counts, "reset_index"):  # rows by their numbers, as texts
            counts = counts.reset_index(drop=True)
        check_n_features(self.model, counts, name)
        self.counts = counts
        self.is_signed = is_signed(self.model)

    @cached_property
    def n_tokens(self):
        return check_csr(self.counts).sum(axis=1)

    @cached_property
    def codes(self):
        return topic_codes(self.model, self.counts, self.given)

    @cached_property
    def vectors(self):
        return vectors_of(self.model, self.codes)

    def prevalence(self, by, freq):
        check_proportions(self.model)
        documents = self.counts, self.given, self.codes
        return prevalence_of(self.model, *documents, by, freq)
