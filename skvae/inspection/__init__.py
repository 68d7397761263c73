"""What topics, words and documents of a fitted model are about, and close to.

The functions take any fitted model with `components_` and `transform`: those of skvae,
`LatentDirichletAllocation`, `NMF`, a Pipeline that ends in one, or a search over one.
They return DataFrames, with words and topics by their names.
"""

from skvae.inspection._documents import representative_documents, topic_sizes
from skvae.inspection._intrusion import intrusion_sheet
from skvae.inspection._names import name_topics
from skvae.inspection._recurring import recurring_topics
from skvae.inspection._space import document_embeddings, most_similar, similar_words
from skvae.inspection._viewers import to_pyldavis, to_topicwizard
from skvae.inspection.effects import topic_effects
from skvae.inspection.maps import embedding_map
from skvae.inspection.prevalence import topic_prevalence
from skvae.inspection.words import term_scores, top_words, topic_hierarchy

__all__ = [
    "document_embeddings",
    "embedding_map",
    "intrusion_sheet",
    "most_similar",
    "name_topics",
    "recurring_topics",
    "representative_documents",
    "similar_words",
    "term_scores",
    "to_pyldavis",
    "to_topicwizard",
    "top_words",
    "topic_effects",
    "topic_hierarchy",
    "topic_prevalence",
    "topic_sizes",
]
