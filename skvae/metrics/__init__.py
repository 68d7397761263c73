"""Perplexity; coherence, diversity, stability and alignment with labels of topics.

The functions take any fitted topic model: an estimator with `components_` and
`transform`, such as those of skvae, `LatentDirichletAllocation` and `NMF`, or a
Pipeline that ends in one. The inputs of a Pipeline, texts say, then stand for X.
"""

from skvae.metrics._alignment import label_alignment
from skvae.metrics._coherence import (
    cv_coherence,
    npmi_coherence,
    sliding_window_npmi,
)
from skvae.metrics._overlap import (
    inverted_rbo,
    topic_diversity,
    topic_similarity,
    topic_stability,
)
from skvae.metrics._scorers import completion_scorer, npmi_scorer
from skvae.metrics.perplexity import document_completion_perplexity, unigram_perplexity

__all__ = [
    "completion_scorer",
    "cv_coherence",
    "document_completion_perplexity",
    "inverted_rbo",
    "label_alignment",
    "npmi_coherence",
    "npmi_scorer",
    "sliding_window_npmi",
    "topic_diversity",
    "topic_similarity",
    "topic_stability",
    "unigram_perplexity",
]
