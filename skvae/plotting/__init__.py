"""Pictures of fitted models, in the manner of scikit-learn's Displays.

``Display.from_estimator`` computes what there is to show and draws it, `plot` draws it
again, into other axes say. They need matplotlib: ``pip install 'skvae[plot]'``.
Those of topics take LDA, NMF and Pipelines as well as models of skvae, those of images
PCA and NMF.
"""

from skvae.plotting._effects import TopicEffectDisplay
from skvae.plotting._hierarchy import TopicHierarchyDisplay
from skvae.plotting._images import (
    InterpolationDisplay,
    ManifoldDisplay,
    ReconstructionDisplay,
    TraversalDisplay,
    draw_images,
)
from skvae.plotting._maps import EmbeddingMapDisplay, LatentSpaceDisplay
from skvae.plotting._prevalence import TopicPrevalenceDisplay
from skvae.plotting._selection import ModelSelectionDisplay
from skvae.plotting._training import TrainingCurveDisplay
from skvae.plotting._words import TopicDocumentsDisplay, TopicWordsDisplay

__all__ = [
    "EmbeddingMapDisplay",
    "InterpolationDisplay",
    "LatentSpaceDisplay",
    "ManifoldDisplay",
    "ModelSelectionDisplay",
    "ReconstructionDisplay",
    "TopicDocumentsDisplay",
    "TopicHierarchyDisplay",
    "TopicEffectDisplay",
    "TopicPrevalenceDisplay",
    "TopicWordsDisplay",
    "TrainingCurveDisplay",
    "TraversalDisplay",
    "draw_images",
]
