"""The topics of a report: their words, documents, neighbours and classes."""

import re
import warnings

import numpy as np
import pandas as pd

from skvae.inspection import topic_sizes
from skvae.inspection.words import LEAST, WEIGHTS, rank_words, word_frequencies
from skvae.metrics import npmi_coherence
from skvae.utils.text import one_line

# Steps of the relevance slider.
_STEPS = np.linspace(0, 1, 11)
# Words that the search knows beside those shown: the most frequent ones.
_SEARCHED = 10_000
# Bytes of all texts in the page, and lengths they are cut to until they fit.
_ROOM = 1_800_000
_LENGTHS = (8000, 4000, 2000, 1500, 1000, 700, 400)
# Letters of a text that are there before it is opened.
_TITLE = 110


def start_of(fitted):
    """The weight that the slider starts from.

    Signed weights tell how specific words are rather than how probable.
    """
    return 0.0 if fitted.signed else WEIGHTS["relevance"]


def topics_of(fitted, n_words):
    """A dict for each topic, largest first, and what the search and the slider read."""
    p = fitted.word_probabilities
    frequencies = word_frequencies(fitted)
    # Words by their numbers in the page: those that some place of the slider shows,
    # and the most frequent ones.
    shown = np.zeros(p.shape, dtype=bool)
    for weight in _STEPS:
        scores = rank_words(fitted, "relevance", weight, frequencies)
        leading = fitted.leading_columns(n_words, scores)
        np.put_along_axis(shown, leading, True, axis=1)
    known = shown.any(axis=0)
    known[np.argsort(-frequencies, kind="stable")[:_SEARCHED]] = True
    columns = np.flatnonzero(known)
    p, shown, frequencies = p[:, columns], shown[:, columns], frequencies[columns]
    words = [one_line(name, 60) for name in fitted.words[columns]]
    log_p = np.log(np.maximum(p, LEAST)).round(4)
    log_frequencies = np.log(frequencies).round(4)

    order = np.arange(len(p))
    sizes, halves = None, None
    if not fitted.signed:
        sizes, halves = topic_sizes(fitted, fitted.X), _halves(fitted)
        order = np.argsort(-sizes["share"].to_numpy(), kind="stable")
    coherence, overlaps = _coherence(fitted), fitted.word_overlaps
    start = start_of(fitted)
    own_names = [name and one_line(name, 60) for name in fitted.given_names]
    topics, of_topics = [], {}
    for k in order:
        numbers = np.flatnonzero(shown[k])
        relevance = log_p[k] - (1 - start) * log_frequencies
        numbers = numbers[np.argsort(-relevance[numbers], kind="stable")]
        leading = numbers[:n_words]
        near = [j for j in np.argsort(-overlaps[k], kind="stable") if j != k][:5]
        topics.append(
            {
                "number": int(k),
                "name": own_names[k],
                "title": f"Topic {k}" + (f": {own_names[k]}" if own_names[k] else ""),
                "first": [words[j] for j in numbers[:4]],
                "words": [(words[j], p[k, j], frequencies[j]) for j in leading],
                "top": max(p[k, leading].max(), frequencies[leading].max()),
                "share": None if sizes is None else sizes["share"].iloc[k],
                "n_documents": None if sizes is None else sizes["documents"].iloc[k],
                "half": None if halves is None else halves[k],
                "npmi": None if coherence is None else coherence[k],
                "neighbours": [(int(j), overlaps[k, j]) for j in near],
            }
        )
        of_topics[int(k)] = {
            "title": topics[-1]["title"],
            "first": " ".join(topics[-1]["first"][:3]),
            "words": [[int(j), log_p[k, j]] for j in numbers],
        }
    searched = {
        "topics": of_topics,
        "order": [topic["number"] for topic in topics],
        "words": words,
        "frequencies": log_frequencies.tolist(),
        "topics_of_words": _topics_of_words(p, frequencies),
    }
    return topics, searched


def _topics_of_words(p, frequencies, n_topics=5):
    """For each word the topics that have more of it than all documents, and log p."""
    leading = np.argsort(-p, axis=0, kind="stable")[:n_topics]
    return [
        [
            [int(k), round(np.log(p[k, j]), 2)]
            for k in leading[:, j]
            if p[k, j] > frequencies[j]
        ]
        for j in range(p.shape[1])
    ]


def _halves(fitted):
    """In how many documents half of the tokens of each topic are."""
    halves = []
    for column in fitted.codes.T:
        largest = np.cumsum(np.sort(fitted.n_tokens * column)[::-1])
        halves.append(int(np.searchsorted(largest, largest[-1] / 2)) + 1)
    return halves


def _coherence(fitted):
    """NPMI of each topic, or None where documents or words do not tell."""
    n_words = min(10, fitted.components.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of words that X lacks
        try:
            return npmi_coherence(fitted, None, n_words=n_words, per_topic=True)
        except ValueError:
            return None


def noticed(topics, n_documents):
    """What is to be looked at first: topics of few documents, or of unrelated words.

    Each is a number of a topic and what was found.
    """
    few = max(2, n_documents / len(topics) / 50)
    if topics[0]["half"] is not None:
        for topic in sorted(topics, key=lambda topic: topic["half"])[:8]:
            if topic["half"] <= few:
                plural = "s" * (topic["half"] > 1)
                found = f"half of its tokens are in {topic['half']} document{plural}"
                yield topic["number"], found
    if topics[0]["npmi"] is not None:
        for topic in sorted(topics, key=lambda topic: topic["npmi"])[:4]:
            if topic["npmi"] < 0:
                found = "its words occur together more seldom than by chance"
                yield topic["number"], f"{found} (NPMI {topic['npmi']:.2f})"


def add_documents(topics, fitted, labels, n_documents):
    """Give each topic its closest documents, with their shares and texts.

    Returns how many characters texts are cut after, or None of whole ones.
    """
    codes, texts = fitted.codes, fitted.texts
    rows, similarity = fitted.nearest_documents(n_documents)
    rows = [row[np.isfinite(of)] for row, of in zip(rows, similarity)]
    length = None
    if texts is not None:
        whole = {
            row: _paragraphs(texts[row]) for row in np.unique(np.concatenate(rows))
        }
        length = _length_that_fits(
            [whole[row] for of_topic in rows for row in of_topic]
        )
    for topic in topics:
        k = topic["number"]
        topic["documents"] = documents = []
        for row in rows[k]:
            document = {"row": int(row), "share": None, "others": []}
            if not fitted.signed:
                others = np.argsort(-codes[row], kind="stable")[:4]
                document["share"] = codes[row, k]
                document["others"] = [
                    (int(j), codes[row, j])
                    for j in others
                    if j != k and codes[row, j] >= 0.1
                ]
            if labels is not None:
                document["label"] = one_line(labels[row], 40)
            if texts is not None:
                text = whole[row]
                line = " ".join(text.split())
                document["title"] = one_line(line, _TITLE)
                document["cut"] = len(text) > length
                # A text that is shown whole needs not be opened.
                document["text"] = text[:length] if len(line) > _TITLE else None
            documents.append(document)
    cut = any(d.get("cut") for topic in topics for d in topic["documents"])
    return length if cut else None


def _paragraphs(text):
    text = "\n".join(line.rstrip() for line in str(text).splitlines())
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def _length_that_fits(texts):
    """The largest length that texts may have to fit into the page together."""
    sizes = [(len(text), len(text.encode(errors="replace"))) for text in texts]
    for length in _LENGTHS:
        # Characters of a text take about as many bytes each.
        room = sum(size * min(1, length / max(n, 1)) for n, size in sizes)
        if room <= _ROOM:
            break
    return length


def add_classes(topics, y, fitted, n_classes=6):
    """Give each topic the classes that it is found in, most first, beside their sizes.

    Documents count by how much of them is about the topic.
    """
    telling = fitted.n_tokens > 0
    labels = pd.Series([one_line(label, 40) for label in np.asarray(y)[telling]])
    by_class = pd.DataFrame(fitted.codes[telling]).groupby(labels).sum()
    by_class = (by_class / by_class.sum()).fillna(0)
    overall = labels.value_counts(normalize=True)
    for topic in topics:
        column = by_class[topic["number"]].sort_values(ascending=False, kind="stable")
        topic["classes"] = [
            (label, share, overall[label])
            for label, share in column[:n_classes].items()
        ]
