"""ProdLDA: what it recovers, and its words and proportions."""

import numpy as np
import torch
from helpers import make_topics as make
from scipy.optimize import linear_sum_assignment

from skvae import ProdLDATopicModel
from skvae.datasets import make_topic_corpus


def test_prodlda_recovers_planted_topics():
    """By word probabilities: the scale of a word's raw weights is arbitrary.

    Measured over 5 seeds, 59 to 79 % of the top words, of which chance has 3 %.
    """
    corpus = make_topic_corpus(2000, 300, 8, random_state=0)
    model = ProdLDATopicModel(8, random_state=0, max_epochs=30).fit(corpus.data)
    ours, planted = (
        np.argsort(-topics, axis=1)[:, :10]
        for topics in (model.components_, corpus.components)
    )
    shared = np.array([[len({*a} & {*b}) for b in planted] for a in ours])
    recovered = shared[linear_sum_assignment(-shared)].mean() / 10
    assert recovered > 0.5
    np.testing.assert_allclose(model.components_.sum(axis=1), 1)


def test_prodlda_topics_are_those_of_documents_nearly_about_one_alone(corpus):
    model = make(ProdLDATopicModel, lr=0.02, max_epochs=30).fit(corpus.data)
    proportions = model.transform(corpus.data)
    purest = proportions[proportions.argmax(axis=0)]
    expected = 0.75 * purest + 0.25 * np.eye(3)
    np.testing.assert_allclose(model.topic_proportions_, expected, rtol=1e-6)
    words = model.inverse_transform(expected)
    np.testing.assert_allclose(model.components_, words, rtol=1e-5)
    np.testing.assert_array_equal(model.components_given(), model.components_)


def test_concentration_rules_how_many_topics_a_document_has(corpus):
    model = make(ProdLDATopicModel, lr=0.02, max_epochs=30)
    largest = [
        model.set_params(concentration=c).fit_transform(corpus.data).max(axis=1).mean()
        for c in (0.1, 1.5, 10.0)
    ]
    assert largest[0] > largest[1] + 0.05 > largest[2] + 0.1


def test_words_of_few_documents_vary_less():
    """As far as is no noise, by the documents of all calls; unseen words not at all."""
    X = np.zeros((300, 6), dtype=int)
    n_documents = np.array([0, 2, 5, 20, 100, 300])
    for j, n in enumerate(n_documents):
        X[:n, j] = np.random.default_rng(j).integers(1, 5, n)
    model = make(ProdLDATopicModel, batch_size=300).fit(X)

    def variance():
        module = model.net_.module_.train()
        proportions = torch.rand(300, 3, generator=torch.Generator().manual_seed(0))
        return module.decoder(proportions).logits.var(0, unbiased=False).detach()

    expected = torch.from_numpy(n_documents / (n_documents + 5)).float()
    torch.testing.assert_close(variance(), expected, rtol=1e-2, atol=1e-6)
    model.partial_fit(np.eye(6)[:1].repeat(20, axis=0))
    expected[0] = 20 / 25
    torch.testing.assert_close(variance(), expected, rtol=1e-2, atol=1e-6)
