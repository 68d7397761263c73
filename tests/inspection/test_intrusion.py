"""Sheets on which people find what does not belong to a topic."""

import numpy as np
import pytest
from helpers import make
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.exceptions import NotFittedError

from skvae import GSMTopicModel, NVDMTopicModel
from skvae.datasets import make_topic_corpus
from skvae.inspection import intrusion_sheet, top_words
from skvae.metrics import topic_diversity

CORPUS = make_topic_corpus(80, 40, 4, mean_length=25, random_state=0)

X, WORDS = CORPUS.data, np.array([f"w{j}" for j in range(40)], dtype=object)


@pytest.fixture(scope="module")
def lda():
    return LatentDirichletAllocation(4, random_state=0).fit(X)


def test_words_are_the_first_of_a_topic_and_one_of_another(lda):
    sheet = intrusion_sheet(lda, feature_names=WORDS, random_state=0)
    words = top_words(lda, 5, feature_names=WORDS)
    assert sorted(sheet.index) == sorted(words.index)
    assert sheet.columns.tolist() == [1, 2, 3, 4, 5, 6, "intruder"]
    p = lda.components_ / lda.components_.sum(axis=1, keepdims=True)
    for topic, row in sheet.iterrows():
        odd = row[row["intruder"]]
        assert set(row[:-1]) - {odd} == set(words.loc[topic])
        assert odd in words.drop(index=topic).to_numpy()
        of_topic = p[words.index.get_loc(topic)]
        assert of_topic[WORDS == odd] <= np.median(of_topic)
    assert sheet["intruder"].nunique() > 1


def test_documents_are_those_of_a_topic_and_one_of_another(lda):
    texts = [f"text {i}" for i in range(80)]
    sheet = intrusion_sheet(lda, X, texts, n_choices=4, random_state=0)
    numbers = intrusion_sheet(lda, X, n_choices=4, random_state=0)
    shares = lda.transform(X)
    for topic, row in sheet.iterrows():
        k = int(topic.removeprefix("topic "))
        odd = row[row["intruder"]]
        choices = [int(text.split()[1]) for text in row[:-1]]
        assert choices == numbers.loc[topic].tolist()[:-1]
        odd = int(odd.split()[1])
        kept = shares[[i for i in choices if i != odd], k]
        assert kept.min() == np.sort(shares[:, k])[-3]
        assert shares[odd, k] <= np.median(shares[:, k]) and len(kept) == 3


def test_the_same_seed_gives_the_same_sheet(lda):
    first, same, other = (
        intrusion_sheet(lda, feature_names=WORDS, random_state=k) for k in (3, 3, 4)
    )
    assert first.equals(same) and not other.equals(first)


@pytest.mark.parametrize("cls", [GSMTopicModel, NVDMTopicModel])
def test_models_of_skvae(cls):
    with pytest.raises(NotFittedError):
        intrusion_sheet(make(cls), feature_names=WORDS)
    model = make(cls, max_epochs=20).fit(X)
    assert intrusion_sheet(model, feature_names=WORDS, n_choices=3).shape == (2, 4)


def test_what_makes_no_question_is_told(lda):
    with pytest.raises(ValueError, match="40 words. A sheet of 21 choices takes two"):
        intrusion_sheet(lda, feature_names=WORDS, n_choices=21)
    with pytest.raises(ValueError, match="There are|there are 5 documents"):
        intrusion_sheet(lda, X[:5])
    equal = LatentDirichletAllocation(2, random_state=0).fit(X)
    equal.components_ = np.tile(equal.components_[0], (2, 1))
    assert topic_diversity(equal) == 0.5
    with pytest.raises(ValueError, match="nothing intrudes"):
        intrusion_sheet(equal, feature_names=WORDS)
