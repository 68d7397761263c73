"""Callbacks: schedule, early stopping, history, coherence, what is printed."""

import copy
import math
import os
import re
import sys

import numpy as np
import pytest
import torch
from helpers import Raises, Spy, each_model, make
from sklearn.model_selection import GridSearchCV
from skorch.callbacks import Callback, EarlyStopping, LRScheduler
from tqdm import tqdm

from skvae import GSMTopicModel, NVDMTopicModel, VAETransformer
from skvae.metrics import npmi_coherence
from skvae.training.callbacks import Schedule

# --- schedule -------------------------------------------------------------------


@each_model
def test_rate_and_kl_weight_are_functions_of_progress(cls, X):
    """Twice the epochs pass through the same values, in half the steps."""
    fast, slow = Spy(), Spy()
    for spy, max_epochs in [(fast, 5), (slow, 10)]:
        params = dict(lr=0.01, kl_warmup=0.5, callbacks=[spy])
        make(cls, max_epochs=max_epochs, **params).fit(X)
    np.testing.assert_allclose(slow.rates[::2], fast.rates)
    np.testing.assert_allclose(slow.warmups[::2], fast.warmups)


@pytest.mark.parametrize("kl_warmup", [0.0, 0.4, 1.0])
def test_kl_weight_rises_linearly_to_one(kl_warmup, X):
    spy = Spy()
    make(VAETransformer, max_epochs=10, kl_warmup=kl_warmup, callbacks=[spy]).fit(X)
    progress = np.arange(30) / 30  # 3 batches an epoch
    expected = np.minimum(progress / kl_warmup, 1) if kl_warmup else 1
    np.testing.assert_allclose(spy.warmups, expected + 0 * progress)


@pytest.mark.parametrize("share", [1.0, 0.3, 0.1])
def test_rate_rises_to_lr_and_then_falls(share):
    """In a share of training, between which it stays."""
    rates = np.array([Schedule.rate(p, share) for p in np.linspace(0, 1, 1001)])
    peak = rates.argmax()
    assert rates.max() == pytest.approx(1) and (rates > 0).all()
    assert (np.diff(rates[: peak + 1]) >= 0).all()
    assert (np.diff(rates[peak:]) <= 1e-12).all()
    assert rates[-1] < 0.2
    assert np.abs(np.diff(rates)).max() < 0.01 / share  # without jumps
    assert np.mean(rates == 1) == pytest.approx(1 - share, abs=0.002)


@pytest.mark.parametrize("n_rows, n_at_peak", [(4096, 2), (4352, 18)])
def test_the_rate_stays_high_where_it_is_low_for_many_rows(n_rows, n_at_peak):
    """Of 20 steps of 0.05, which take a weight a tenth as far as the default."""
    spy = Spy()
    X = np.random.default_rng(0).normal(size=(n_rows, 2))
    params = dict(lr=0.05, max_epochs=10, batch_size=2200, callbacks=[spy])
    make(VAETransformer, **params).fit(X)
    assert len(spy.rates) == 20 and max(spy.rates) <= 0.05
    assert np.count_nonzero(np.array(spy.rates) > 0.0495) == n_at_peak


@each_model
def test_beyond_max_epochs_rate_and_kl_weight_stay(cls, X):
    spy = Spy()
    model = make(cls, lr=0.01, kl_warmup=1.0, warm_start=True, callbacks=[spy]).fit(X)
    last = spy.rates[-1]
    for go_on in (model.fit, model.partial_fit):
        go_on(X)
        assert set(spy.warmups) == {1.0}
        assert set(spy.rates) == {0.01 * Schedule.rate(1.0)}
        assert 0 < spy.rates[0] <= last


@each_model
def test_early_stopping_by_the_user_stops_quietly(cls, X, capfd):
    stopping = EarlyStopping(monitor="train_loss", patience=2, threshold=1e9)
    model = make(cls, max_epochs=20, callbacks=[stopping]).fit(X)
    assert model.n_iter_ == 2 + 1  # no epoch improves by so much on the first
    assert capfd.readouterr() == ("", "")
    assert model.transform(X).shape == (19, 2)


def test_callbacks_of_the_user_are_not_changed(X):
    """skorch's EarlyStopping counts in itself; a copy is what counts here."""
    stopping = EarlyStopping(monitor="train_loss", patience=2)
    before = copy.deepcopy(vars(stopping))
    callbacks = [stopping]
    model = make(VAETransformer, callbacks=callbacks).fit(X)
    assert vars(stopping) == before
    assert model.callbacks is callbacks and callbacks == [stopping]


def test_callbacks_may_come_with_names(X):
    spy = Spy()
    make(VAETransformer, callbacks=[("spy", spy)]).fit(X)
    assert len(spy.epochs) == 3
    # Names that skvae might have taken.
    for name in ("progress", "early_stopping", "schedule"):
        make(VAETransformer, callbacks=[(name, Callback())], verbose=0).fit(X)


# --- what training reports ------------------------------------------------------


@pytest.mark.parametrize("columns", [50, 80])
def test_a_bar_that_has_little_room_keeps_the_losses(columns, X, monkeypatch):
    termios = pytest.importorskip("termios")
    terminal, end = os.openpty()
    termios.tcsetwinsize(end, (24, columns))
    params = dict(n_components=20, max_epochs=3, early_stopping=True, verbose=1)
    with os.fdopen(end, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        row = make(GSMTopicModel, **params).fit(X).history_.iloc[-1]
        monkeypatch.undo()
        shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    lines = [line for line in re.split(r"[\r\n]+", shown) if line]
    assert max(map(len, lines)) < columns
    figures = f"3/3, loss={row['loss']:.4g}, kl={row['kl']:.4g}, held out="
    assert lines[-1].startswith(f"{figures}{row['validation_loss']:.4g} ")
    assert ("GSMTopicModel(20) |█" in lines[-1]) == (columns == 80)


@each_model
def test_silent_by_default_a_bar_or_one_line_an_epoch_when_verbose(cls, X, capfd):
    make(cls, early_stopping=True).fit(X)
    assert capfd.readouterr() == ("", "")
    model = make(cls, verbose=1).fit(X)
    out, err = capfd.readouterr()
    last = err.splitlines()[-1]
    assert out == "" and last.startswith("3/3, loss=")
    assert f"{cls.__name__}({model.n_components}) |███" in last
    assert f"loss={model.history_['loss'][3]:.4g}" in last
    assert f"kl={model.history_['kl'][3]:.4g}" in last
    make(cls, verbose=2).fit(X)
    out, err = capfd.readouterr()
    lines = [line.split() for line in out.splitlines()]
    assert [words[0] for words in lines if words[0].isdigit()] == ["1", "2", "3"]
    assert err == ""


def test_bars_show_within_a_search_and_end_with_a_failed_fit(X, capfd):
    model = make(NVDMTopicModel, verbose=1)
    GridSearchCV(model, {"n_components": [2, 3]}, cv=2, refit=False).fit(X)
    err = capfd.readouterr().err
    for name in ("NVDMTopicModel(2)", "NVDMTopicModel(3)"):
        assert len(re.findall(rf"3/3, loss=.*{re.escape(name)}", err)) >= 2
    with pytest.raises(KeyboardInterrupt):
        make(NVDMTopicModel, verbose=1, callbacks=[Raises(KeyboardInterrupt())]).fit(X)
    assert "2/3" in capfd.readouterr().err
    assert not tqdm._instances  # those that are not closed


@each_model
def test_history_has_a_row_an_epoch_and_adds_up(cls, X):
    model = make(cls, max_epochs=6, kl_warmup=0.5, lr=0.02).fit(X)
    history = model.history_
    assert list(history.index) == [1, 2, 3, 4, 5, 6] and model.n_iter_ == 6
    assert list(history.columns) == ["loss", "reconstruction", "kl"]
    assert (history.kl > 0).all() and (history.reconstruction < 0).all()
    bound = history.reconstruction - history.kl
    if cls is GSMTopicModel:  # which also minimises what its topics pay
        assert (abs(history.loss + bound)[3:] > 0.01).all()
        prices = "topic_separation", "topic_word_prior"
        params = dict(max_epochs=6, kl_warmup=0.5, topic_coherence=0.0)
        for price in prices:
            others = {other: 0.0 for other in prices if other != price}
            history = make(cls, **params, **others).fit(X).history_
            bound = history.reconstruction - history.kl
            assert (history.loss[3:] > -bound[3:]).all()
        history = make(cls, **params, **dict.fromkeys(prices, 0.0)).fit(X).history_
        bound = history.reconstruction - history.kl
    np.testing.assert_allclose(history.loss[3:], -bound[3:], rtol=1e-5)
    # With less than the full KL term, the loss is smaller.
    assert (history.loss[:2] < -bound[:2]).all()


def test_history_can_be_changed_without_harm(X):
    model = make(VAETransformer).fit(X)
    model.history_.loc[1, "loss"] = math.nan
    model.partial_fit(X)
    assert model.history_.loss.notna().all() and len(model.history_) == 4


# --- early stopping -------------------------------------------------------------


class Weights(Spy):
    """Keeps the weights after each epoch."""

    def on_train_begin(self, net, **kwargs):
        super().on_train_begin(net, **kwargs)
        self.weights, self.validation = [], []

    def on_batch_begin(self, net, batch=None, training=False, **kwargs):
        super().on_batch_begin(net, batch, training, **kwargs)
        if not training:
            self.validation.append(batch[1].numpy())

    def on_epoch_end(self, net, **kwargs):
        state = net.module_.state_dict().items()
        self.weights.append({key: value.clone() for key, value in state})

    def epochs_kept(self, model):
        """Epochs that ended with the weights of the fitted model."""
        kept = model.net_.module_.state_dict()
        return [
            epoch
            for epoch, weights in enumerate(self.weights, start=1)
            if all(torch.equal(weights[key], kept[key]) for key in kept)
        ]


@each_model
def test_early_stopping_keeps_the_best_epoch_on_validation_rows(cls, rng):
    """Rows of pure noise: what is learnt about some is wrong for others."""
    X = rng.poisson(1.0, (40, 20)).astype(float) + np.eye(40, 20)
    spy = Weights()
    model = make(
        cls,
        n_components=8,
        hidden_layer_sizes=(50,),
        lr=0.1,
        max_epochs=100,
        early_stopping=True,
        validation_fraction=0.25,
        n_iter_no_change=4,
        callbacks=[spy],
    ).fit(X)
    loss = model.history_.validation_loss
    assert model.n_iter_ == len(loss) < 100
    assert spy.epochs_kept(model) == [loss.idxmin()]
    assert loss.idxmin() == model.n_iter_ - 4
    # Rows are either trained on or validated on, a quarter of them (rounded up).
    train, valid = np.concatenate(spy.epochs[0]), np.unique(spy.validation[0], axis=0)
    assert len(train) == 30 and len(np.concatenate(spy.validation)) == 10 * len(loss)
    together = np.concatenate([train, spy.validation[0], spy.validation[1]])
    np.testing.assert_array_equal(together[np.lexsort(together.T)], X[np.lexsort(X.T)])
    for batches in spy.epochs:
        rows = {row.tobytes() for row in np.concatenate(batches)}
        assert not rows & {row.tobytes() for row in valid}


class RisingLoss(Weights):
    """Reports a validation loss that rises slowly, from a negative value."""

    def on_batch_end(self, net, training=False, **kwargs):
        if not training:
            net.history.record_batch("valid_loss", -100 + 1e-3 * len(net.history))


def test_early_stopping_takes_no_rise_of_a_negative_loss_for_progress(X):
    """A threshold relative to the loss has the wrong sign below zero."""
    spy = RisingLoss()
    params = dict(early_stopping=True, n_iter_no_change=3, callbacks=[spy])
    model = make(VAETransformer, max_epochs=20, **params).fit(X)
    assert (model.history_.validation_loss.diff()[1:] > 0).all()
    assert model.n_iter_ == 1 + 3
    assert spy.epochs_kept(model) == [1]


def test_early_stopping_needs_rows_to_train_on(X):
    model = make(VAETransformer, early_stopping=True)
    with pytest.raises(ValueError, match="nothing to train on.*n_samples=1"):
        model.fit(X[:1])


def test_a_second_schedule_is_refused():
    model = NVDMTopicModel(2, callbacks=[LRScheduler()])
    with pytest.raises(ValueError, match="LRScheduler"):
        model.fit(np.eye(4))


def test_pairs_of_top_words_are_looked_up_in_the_documents_before_each_epoch(rng):
    X = rng.poisson(0.5, (40, 50))

    class Reads(Callback):
        seen = []

        def __deepcopy__(self, memo):
            return self

        def on_epoch_begin(self, net, **kwargs):
            with torch.no_grad():
                topics = net.module_.decoder.topics()
            _, incoherence = net.criterion_.penalties[-1]
            words = incoherence.words_.tolist()
            top = topics.topk(len(words[0])).indices.tolist()
            pairs = np.triu_indices(len(words[0]), k=1)
            means = [npmi[pairs].mean() for npmi in incoherence.npmi_.double().numpy()]
            self.seen.append((words, top, means))

    model = make(GSMTopicModel, callbacks=[Reads()]).fit(X)
    assert len(Reads.seen) == model.n_iter_
    assert Reads.seen[0][0] != Reads.seen[-1][0]
    for words, top, means in Reads.seen:
        assert words == top
        expected = npmi_coherence(words, X, n_words=len(words[0]), per_topic=True)
        np.testing.assert_allclose(means, expected, rtol=1e-6)
    _, incoherence = model.net_.criterion_.penalties[1]
    assert not hasattr(incoherence, "documents_")  # let go of
