"""Models without what skvae adds are those of the papers, by these formulas alone."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from helpers import digest, make, through_file, through_joblib
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from skorch.callbacks import Callback

from skvae import GSMTopicModel, NVDMTopicModel

both = pytest.mark.parametrize("cls", [NVDMTopicModel, GSMTopicModel])

ADDITIONS = [
    (cls, name) for cls in (NVDMTopicModel, GSMTopicModel) for name in cls._additions
]


PAPER = dict(recipe="paper", n_components=3, hidden_layer_sizes=(7, 5))


@pytest.fixture
def X(rng):
    return rng.poisson(1.0, (24, 9)).astype(np.float64)


def posterior(w, x):
    """A multilayer perceptron, then mean and log-deviation, linear in its output."""
    hidden = x
    for i in range(2):
        layer = f"encoder.body.layers.{i}"
        hidden = torch.relu(hidden @ w[f"{layer}.weight"] + w[f"{layer}.bias"])
    mean, log_variance = (
        hidden @ w[f"encoder.{head}.weight"] + w[f"encoder.{head}.bias"]
        for head in ("mean", "log_variance")
    )
    return mean, log_variance / 2


def kl(mean, log_std):
    terms = 1 - mean.pow(2) + 2 * log_std - torch.exp(2 * log_std)
    return -terms.sum(1) / 2


def nvdm_loss(w, x, noise):
    """Miao et al. (2016): p(word | h) is the softmax of h R + b."""
    mean, log_std = posterior(w, x)
    h = mean + log_std.exp() * noise
    logits = h @ w["decoder.output.weight"] + w["decoder.output.bias"]
    log_likelihood = (x * torch.log_softmax(logits, dim=1)).sum(1)
    return (kl(mean, log_std) - log_likelihood).mean()


def gsm_loss(w, x, noise):
    """Miao et al. (2017): topics are the softmax of t v', and rewarded for angles."""
    mean, log_std = posterior(w, x)
    h = mean + log_std.exp() * noise
    theta = torch.softmax(h @ w["link.linear.weight"] + w["link.linear.bias"], dim=1)
    topics, words = w["decoder.topic_embeddings"], w["decoder.word_embeddings"]
    beta = torch.softmax(topics @ words.T, dim=1)
    log_likelihood = (x * torch.log(theta @ beta)).sum(1)
    angles = [
        torch.acos(abs(t @ u) / (t.norm() * u.norm())) if i != j else torch.zeros(())
        for i, t in enumerate(topics)
        for j, u in enumerate(topics)
    ]
    zeta = torch.stack(angles).mean()
    nu = ((torch.stack(angles) - zeta) ** 2).mean()
    bound = log_likelihood - kl(mean, log_std)
    return -bound.mean() - 0.1 * (zeta - nu)


LOSSES = {NVDMTopicModel: nvdm_loss, GSMTopicModel: gsm_loss}


class Recorder(Callback):
    """What a fit began with, and the rows, noise and loss of each of its steps."""

    tape = {}

    def on_train_begin(self, net, **kwargs):
        weights = net.module_.state_dict()
        trained = {k for k, p in net.module_.named_parameters() if p.requires_grad}
        weights = {key: value.clone() for key, value in weights.items()}
        self.tape.update(trained=trained, weights=weights, steps=[])

    def on_batch_end(self, net, batch, y_pred, loss, training, **kwargs):
        (seen, *_), x = batch
        q, _, _, z = y_pred
        noise = ((z - q.mean) / q.stddev).detach()
        self.tape["steps"].append((len(net.history), seen, x, noise, loss.item()))


@both
def test_training_is_that_of_the_paper_step_by_step(cls, X):
    """The paper's loss in torch alone, and Adam on one network at a time."""
    model = make(cls, **PAPER, max_epochs=4, lr=0.01, callbacks=[Recorder()]).fit(X)
    tape, weights = Recorder.tape, Recorder.tape["weights"]
    networks = {True: [], False: []}
    for key in tape["trained"]:
        networks[key.startswith("encoder")].append(weights[key].requires_grad_())
    steps = {
        key: torch.optim.Adam(network, lr=0.01) for key, network in networks.items()
    }
    assert len(tape["steps"]) == 12
    for epoch, seen, x, noise, loss in tape["steps"]:
        torch.testing.assert_close(seen, x, rtol=0, atol=0)
        expected = LOSSES[cls](weights, x, noise)
        assert loss == pytest.approx(expected.item(), rel=1e-5)
        for optimizer in steps.values():
            optimizer.zero_grad()
        expected.backward()
        steps[epoch % 2 == 0].step()
    fitted = model.net_.module_.state_dict()
    for key, expected in weights.items():
        torch.testing.assert_close(fitted[key], expected.detach(), atol=1e-4, rtol=0)
    # What papers do not have stays at nothing.
    assert not any(fitted[key].any() for key in ("prior.mean", "prior.log_std"))
    if cls is GSMTopicModel:
        assert not fitted["decoder.background"].any()


@both
def test_the_bound_is_that_of_the_paper(cls, X):
    model = make(cls, **PAPER).fit(X)
    weights = {k: w.double() for k, w in model.net_.module_.state_dict().items()}
    x = torch.from_numpy(X)
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn((400, len(X), 3), generator=generator, dtype=torch.double)
    losses = torch.stack([LOSSES[cls](weights, x, draw) for draw in noise])
    expected = losses.mean().item()
    if cls is GSMTopicModel:  # of which the bound knows no angles
        angles = LOSSES[cls](weights, 0 * x, noise[0])
        expected -= (angles - kl(*posterior(weights, 0 * x)).mean()).item()
    error = losses.std().item() / len(noise) ** 0.5
    bound = model.score_samples(X, n_draws=4096).mean()
    assert -bound == pytest.approx(expected, abs=4 * error)


@both
def test_all_additions_are_the_default(cls, X):
    names = list(cls._additions)
    assert digest(make(cls, recipe=names[::-1]).fit(X)) == digest(make(cls).fit(X))


@both
def test_subclasses_may_do_without_the_parameter(cls, X):
    class Small(cls):
        def __init__(self, n_components=3, random_state=None):
            super().__init__(n_components, max_epochs=2, random_state=random_state)

    model = Small(random_state=0).fit(X)
    same = cls(3, max_epochs=2, random_state=0).fit(X)
    np.testing.assert_array_equal(model.transform(X), same.transform(X))


@pytest.mark.parametrize("cls, name", ADDITIONS)
def test_each_addition_changes_the_fit(cls, name, X):
    X[0] *= 1000  # or there would be nothing to clip
    params = dict(kl_warmup=1.0, lr=0.01, topic_separation=1.0)
    if cls is NVDMTopicModel:
        del params["topic_separation"]
    if name == "init":
        params["init"] = "clusters"
    with_it = make(cls, recipe=[name], **params).fit(X)
    assert digest(with_it) != digest(make(cls, recipe="paper", **params).fit(X))


@both
def test_parameters_of_what_is_left_out_do_not_count(cls, X):
    """So that one switch is all that a paper's model takes."""
    params = {"kl_warmup": 1.0}
    if cls is GSMTopicModel:
        params |= dict(topic_separation=1.0, topic_coherence=1.0, topic_word_prior=1.0)
    model = make(cls, recipe="paper").fit(X)
    assert digest(make(cls, recipe="paper", **params).fit(X)) == digest(model)
    assert digest(make(cls, **params).fit(X)) != digest(make(cls).fit(X))


@pytest.mark.parametrize("recipe", ["paper", ("thinning", "learnt_prior")])
@pytest.mark.parametrize("way", [through_file, through_joblib])
@both
def test_files_keep_the_recipe(cls, way, recipe, X):
    model = clone(make(cls, recipe=recipe)).fit(X)
    copy = way(model)
    assert copy.recipe == recipe
    np.testing.assert_array_equal(copy.transform(X), model.transform(X))
    assert digest(copy.partial_fit(X)) == digest(model.partial_fit(X))
    with pytest.raises(ValueError, match=r"\['recipe'\] changed since"):
        copy.set_params(recipe="skvae").partial_fit(X)


def test_sparse_rows_give_the_same_model(rng):
    X = sp.csr_array(rng.poisson(0.1, (40, 30)).astype(float))
    models = [make(NVDMTopicModel, recipe="paper").fit(x) for x in (X, X.toarray())]
    codes = [model.transform(X) for model in models]
    np.testing.assert_allclose(*codes, atol=1e-5)


def test_the_remedy_of_collapsed_units_is_one_that_there_is():
    same = np.ones((64, 9))
    with pytest.warns(ConvergenceWarning) as caught:
        make(NVDMTopicModel, recipe="paper", max_epochs=60, lr=0.02).fit(same)
    told = " ".join(str(warning.message) for warning in caught)
    assert "has only 0 active" in told
    assert "Train with recipe='skvae'" in told and "kl_warmup" not in told
