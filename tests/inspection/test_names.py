"""Names of topics, by their words or by a callable."""

import numpy as np
import pytest
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from skvae import TopicGroups
from skvae.inspection import name_topics, representative_documents, top_words

TEXTS = ["cat cat dog", "dog cat mouse", "train bus train", "bus train rail"] * 5


@pytest.fixture(scope="module")
def model():
    lda = LatentDirichletAllocation(3, random_state=0)
    return make_pipeline(CountVectorizer(), lda).fit(TEXTS)


def test_names_are_words_of_the_topics_and_differ(model):
    groups = name_topics(model)
    assert list(groups.values()) == [[0], [1], [2]]
    words = top_words(model, 10, by="relevance").to_numpy().tolist()
    for (name, _), of_topic in zip(groups.items(), words):
        assert set(name.split()) <= set(of_topic)
    first = words[0][:2]
    assert next(iter(groups)) == " ".join(first)


def test_equal_topics_have_other_words_or_numbers(model):
    lda = LatentDirichletAllocation(4, random_state=0).fit(np.eye(2))
    lda.components_ = np.tile([3.0, 1.0], (4, 1))
    names = name_topics(lda, feature_names=["a", "b"])
    assert list(names) == ["a b", "a 1", "a 2", "a 3"]
    lda.components_ = np.tile([3.0, 2.0, 1.0], (4, 1))
    names = name_topics(lda, feature_names=["a", "b", "c"])
    assert list(names) == ["a b", "a c", "b c", "a 3"]


def test_names_that_users_gave_stay(model):
    taken = " ".join(top_words(model, 10, by="relevance").iloc[0, :2])
    groups = TopicGroups(model, {"pets": [1], taken: [2]}).fit(TEXTS)
    first, second, third = name_topics(groups)
    assert [first, second] == ["pets", taken] and third not in (first, second)
    asked = name_topics(groups, namer=lambda words, documents: words[0])
    assert "pets" not in asked


def test_namer_sees_words_and_closest_documents(model):
    seen = []

    def namer(words, documents):
        seen.append((words, documents))
        return " animals " if "cat" in words[:2] else "transport"

    groups = name_topics(model, TEXTS, namer=namer, n_words=3, n_documents=2)
    words = top_words(model, 3, by="relevance").to_numpy().tolist()
    assert [of_topic for of_topic, _ in seen] == words
    found = representative_documents(model, TEXTS, n_documents=2)
    expected = [rows["text"].tolist() for _, rows in found.groupby("topic", sort=False)]
    assert [documents for _, documents in seen] == expected
    # Topics of one name are one group, which TopicGroups takes as it is.
    assert groups.keys() == {"animals", "transport"}
    assert sorted(sum(groups.values(), [])) == [0, 1, 2]
    named = TopicGroups(model, groups).fit(TEXTS)
    assert named.get_feature_names_out().tolist() == list(groups)
    name_topics(model, namer=namer)
    assert all(documents == [] for _, documents in seen[3:])


@pytest.mark.parametrize(
    "name, error", [(None, TypeError), (3, TypeError), (" ", ValueError)]
)
def test_what_is_no_name_is_told(model, name, error):
    with pytest.raises(error, match="namer returned .* for topic 0"):
        name_topics(model, namer=lambda words, documents: name)
