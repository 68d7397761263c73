"""scikit-learn's estimator checks, also those that it runs on its own classes only."""

import pytest
from helpers import MODELS
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks
from torch import nn

from skvae import (
    ClusterTopicModel,
    ConsensusTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    VAETransformer,
)

SMALL = dict(hidden_layer_sizes=(16,), max_epochs=2, random_state=0)

EARLY = dict(SMALL, early_stopping=True, n_iter_no_change=1, dropout=0.5)
ONE_COMPONENT = dict(SMALL, n_components=1)


class OwnEncoder(nn.Linear):
    """Unlike a function, a class has the same name in all processes of a test run."""

    def __init__(self, n_features):
        super().__init__(n_features, 4)


# Every class as it comes, and each way of training and building once.
ESTIMATORS = [cls(random_state=0, max_epochs=3) for cls in MODELS]
ESTIMATORS += [
    NVDMTopicModel(**EARLY),
    VAETransformer(**EARLY, denoising=0.5, scale="per-feature", center=False),
    VAETransformer(**SMALL, variational=False, batch_norm=False),
    GSMTopicModel(**ONE_COMPONENT, embedding_size=3, train_word_embeddings=False),
    GSMTopicModel(**SMALL, topic_construction="recurrent"),
    VAETransformer(**{**SMALL, "hidden_layer_sizes": ()}, likelihood="multinomial"),
    VAETransformer(**SMALL, scale=0.5, encoder=OwnEncoder),
    ClusterTopicModel(2, estimator=NVDMTopicModel(**SMALL), random_state=0),
    ConsensusTopicModel(
        2, estimator=GSMTopicModel(**SMALL), n_members=2, random_state=0
    ),
]


@parametrize_with_checks(ESTIMATORS)
def test_estimator_checks(estimator, check):
    check(estimator)


FURTHER_CHECKS = [
    "check_dataframe_column_names_consistency",
    *("check_transformer_get_feature_names_out", "check_get_feature_names_out_error"),
    *("check_set_output_transform", "check_param_validation"),
    *("check_set_output_transform_pandas", "check_set_output_transform_polars"),
    "check_global_output_transform_pandas",
    "check_global_set_output_transform_polars",
    "check_transformer_get_feature_names_out_pandas",
    *("check_inplace_ensure_writeable", "check_estimators_partial_fit_n_features"),
]


# Some of these checks fit an array and transform a DataFrame, or the other way round.
@pytest.mark.filterwarnings("ignore:X (has|does not have valid) feature names")
@pytest.mark.parametrize("check", FURTHER_CHECKS)
@pytest.mark.parametrize("cls", MODELS)
def test_further_checks(cls, check):
    """Checks that scikit-learn runs on its own classes alone."""
    getattr(estimator_checks, check)(cls.__name__, cls(**SMALL))
