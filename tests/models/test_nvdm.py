"""NVDM: components are effects on log-probabilities."""

import numpy as np

from skvae import NVDMTopicModel


def test_nvdm_components_are_effects_on_log_probabilities(trained):
    """One more unit of a code moves the log odds of the words by its component."""
    model = trained[NVDMTopicModel]
    log_p = np.log(model.inverse_transform(np.vstack([np.zeros(3), np.eye(3)])))
    effect = log_p[1:] - log_p[0]
    centred = model.components_ - model.components_.mean(axis=1, keepdims=True)
    effect -= effect.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(effect, centred, rtol=1e-8, atol=1e-10)
