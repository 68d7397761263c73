"""Training: seeds, gradients, divergence, interruption, ways of batches."""

import numpy as np
import pytest
import torch
from helpers import TOPIC_MODELS, Raises, Spy, each_model, each_topic_model, make

from skvae import ProdLDATopicModel, VAETransformer
from skvae.datasets import make_topic_corpus
from skvae.training import net
from skvae.training.net import Stream, derive_seed


def state_of(model, X):
    """All that a failed call must leave as it was."""
    fitted = [key for key in vars(model) if key.endswith("_")]
    return fitted, *(getattr(model, f)(X) for f in ("transform", "score_samples"))


def assert_same_state(model, X, before):
    fitted, *arrays = state_of(model, X)
    assert fitted == before[0]
    for now, then in zip(arrays, before[1:], strict=True):
        np.testing.assert_array_equal(now, then)


# --- noise and gradients --------------------------------------------------------


def test_streams_and_epochs_have_seeds_of_their_own():
    keys = [(seed, s, e) for seed in range(3) for s in Stream for e in range(5)]
    assert len({derive_seed(*key) for key in keys}) == len(keys)


def test_noise_is_new_in_each_epoch_of_training_but_not_of_validation():
    """Rows all alike, and no learning: epochs differ by their noise alone."""
    X = np.tile([1.0, 2.0, 3.0], (20, 1))
    params = dict(scale=1.0, batch_norm=False, lr=1e-12, early_stopping=True)
    history = make(VAETransformer, **params).fit(X).history_
    assert len(np.unique(history.reconstruction.round(4))) == 3
    np.testing.assert_allclose(history.validation_loss, history.validation_loss[1])


class GradientNorms(Spy):
    def on_train_begin(self, net, **kwargs):
        super().on_train_begin(net, **kwargs)
        self.norms = []

    def on_grad_computed(self, net, named_parameters, **kwargs):
        gradients = [p.grad for _, p in named_parameters if p.grad is not None]
        self.norms.append(torch.nn.utils.get_total_norm(gradients).item())


@each_topic_model
def test_gradients_of_long_documents_are_clipped(cls, X):
    spy = GradientNorms()
    make(cls, callbacks=[spy]).fit(1000 * X)
    assert max(spy.norms) == pytest.approx(30, rel=1e-3)


# --- divergence -----------------------------------------------------------------


@each_model
def test_divergence_is_an_error_that_says_what_to_do(cls, X):
    model = make(cls, lr=1e30)
    message = rf"{cls.__name__}.* NaN or infinite in epoch [12]\. Lower `lr`"
    with pytest.raises(ValueError, match=message):
        model.fit(X)
    assert not hasattr(model, "net_")
    model.set_params(lr=1e-3).fit(X)
    before = state_of(model, X)
    with pytest.raises(ValueError, match="Lower `lr`"):
        model.set_params(lr=1e30).fit(X)
    assert_same_state(model, X, before)


# --- callbacks and interruption -------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, ZeroDivisionError, MemoryError])
@pytest.mark.parametrize("early_stopping", [False, True])
@each_model
def test_an_interrupted_fit_leaves_the_estimator_as_it_was(
    cls, early_stopping, error, X, record_property
):
    """Also Ctrl-C, which skorch would take for a callback's wish to stop."""
    params = dict(early_stopping=early_stopping, callbacks=[Raises(error)])
    model = make(cls, **params)
    with pytest.raises(error):
        model.fit(X)
    assert not [key for key in vars(model) if key.endswith("_")]
    model.set_params(callbacks=None).fit(X)
    before = state_of(model, X)
    model.set_params(callbacks=[Raises(error)])
    for call in (model.fit, model.partial_fit, model.set_params(warm_start=True).fit):
        with pytest.raises(error):
            call(X[:10])
        assert_same_state(model, X, before)
    record_property("faults", 4)


@pytest.mark.parametrize("cls", TOPIC_MODELS)
def test_fits_do_not_depend_on_the_way_that_batches_take(cls, monkeypatch):
    X = make_topic_corpus(200, 40, 3, random_state=0).data
    model = cls(3, max_epochs=3, batch_size=50, random_state=0)
    by_non_zeros = model.fit(X).components_, model.score(X)
    monkeypatch.setattr(net, "MAX_DENSITY", 0)
    dense = model.fit(X).components_, model.score(X)
    assert not np.array_equal(by_non_zeros[0], dense[0])  # two ways indeed
    # The sharp proportions that ProdLDA starts from amplify how sums were rounded.
    tolerance = 0.02 if cls is ProdLDATopicModel else 2e-3
    np.testing.assert_allclose(by_non_zeros[0], dense[0], rtol=tolerance, atol=1e-5)
    assert by_non_zeros[1] == pytest.approx(dense[1], rel=1e-3)


@pytest.mark.parametrize("hidden", [(), (4,)])
@pytest.mark.parametrize("cls", TOPIC_MODELS)
def test_gradients_that_stay_in_place_are_the_same_gradients(cls, hidden, monkeypatch):
    X = make_topic_corpus(200, 40, 3, random_state=0).data
    model = cls(
        3, hidden_layer_sizes=hidden, max_epochs=3, batch_size=50, random_state=0
    )
    fresh = model.fit(X).components_
    monkeypatch.setattr("skvae.training.net.LARGE_WEIGHT", 1)
    np.testing.assert_array_equal(model.fit(X).components_, fresh)
    assert not model.net_.kept_gradients_
    assert all(weight.grad is None for weight in model.net_.module_.parameters())
