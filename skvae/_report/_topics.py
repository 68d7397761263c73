"""The topics of a report: their words, documents, neighbors and classes."""

import itertools
import re
import warnings

import numpy as np
import pandas as pd

from skvae.inspection import topic_sizes
from skvae.inspection.words import LEAST, WEIGHTS, rank_words, word_frequencies
from skvae.metrics import npmi_coherence
from skvae.models.topics import duplicate_topics
from skvae.utils.text import one_line

# Steps of the relevance slider.
_STEPS = np.linspace(0, 1, 11)
# Words that the search knows beside those shown: the most frequent ones.
_SEARCHED = 10_000
# Bytes of all texts in the page, and lengths they are cut to until they fit.
_ROOM = 1_800_000
_LENGTHS = (8000, 4000, 2000, 1500, 1000, 700, 400)
# Mean number of distinct words of a document from which coherence is shown.
_LEAST_WORDS = 15
# Letters of a text that are there before it is opened.
_TITLE = 110


def start_of(fitted):
    """The weight that the slider starts from.

    Signed weights tell how specific words are rather than how probable.
    """
    return 0.0 if fitted.signed else WEIGHTS["relevance"]


def topics_of(fitted, n_words):
    """A dict for each topic, largest first, and what the search and the slider read."""
    p, frequencies = fitted.word_probabilities, word_frequencies(fitted)
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

    order, sizes = np.arange(len(p)), _sizes(fitted)
    if sizes["share"] is not None:
        order = np.argsort(-sizes["share"], kind="stable")
    overlaps = fitted.word_overlaps
    relevance = log_p - (1 - start_of(fitted)) * log_frequencies
    own_names = [name and one_line(name, 60) for name in fitted.given_names]
    topics, of_topics = [], {}
    for k in order.tolist():
        numbers = np.flatnonzero(shown[k])
        numbers = numbers[np.argsort(-relevance[k, numbers], kind="stable")]
        leading = numbers[:n_words]
        near = [j for j in np.argsort(-overlaps[k], kind="stable") if j != k][:5]
        topic = {
            "number": k,
            "name": own_names[k],
            "title": f"Topic {k}" + (f": {own_names[k]}" if own_names[k] else ""),
            "first": [words[j] for j in numbers[:4]],
            "words": [(words[j], p[k, j], frequencies[j]) for j in leading],
            "top": max(p[k, leading].max(), frequencies[leading].max()),
            "neighbors": [(int(j), overlaps[k, j]) for j in near],
            **{key: None if v is None else v[k] for key, v in sizes.items()},
        }
        topics.append(topic)
        of_topics[k] = {
            "title": topic["title"],
            "first": " ".join(topic["first"][:3]),
            "words": [[int(j), log_p[k, j]] for j in numbers],
        }
    searched = {
        "topics": of_topics,
        "order": order.tolist(),
        "words": words,
        "frequencies": log_frequencies.tolist(),
        "topics_of_words": _topics_of_words(p, frequencies),
    }
    return topics, searched


def _sizes(fitted):
    """Sizes and coherence of the topics; None where the model does not have them."""
    found = dict.fromkeys(["share", "n_documents", "half"])
    if not fitted.signed:
        sizes = topic_sizes(fitted, fitted.X)
        found["share"] = sizes["share"].to_numpy()
        found["n_documents"] = sizes["documents"].to_numpy()
        # In how many documents half of the tokens of each topic are.
        tokens = np.sort(fitted.n_tokens[:, None] * fitted.codes, axis=0)[::-1]
        reached = np.cumsum(tokens, axis=0)
        found["half"] = (1 + (reached < reached[-1] / 2).sum(axis=0)).tolist()
    n_words = min(10, fitted.components.shape[1])
    options = dict(n_words=n_words, per_topic=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of words that X lacks
        # Few pairs of related words meet in a short text: nearly all topics would look
        # as if their words had nothing in common.
        if fitted.csr.nnz < _LEAST_WORDS * fitted.csr.shape[0]:
            return found | {"npmi": None}
        try:
            found["npmi"] = npmi_coherence(fitted, None, **options)
        except ValueError:
            found["npmi"] = None
    return found


def _topics_of_words(p, frequencies, n_topics=5):
    """For each word the topics that have more of it than all documents, and log p."""
    leading = np.argsort(-p, axis=0, kind="stable")[:n_topics].T.tolist()
    found = []
    for topics, column, frequency in zip(leading, p.T, frequencies):
        more = [k for k in topics if column[k] > frequency]
        found.append([[k, round(np.log(column[k]), 2)] for k in more])
    return found


def noticed(topics, fitted):
    """What to look at first: topics of few documents or of none, and duplicates.

    Each is a number of a topic and what was found.
    """
    n_documents = len(fitted.n_tokens)
    few = max(2, n_documents / len(topics) / 50)
    if topics[0]["half"] is not None:
        for topic in sorted(topics, key=lambda topic: topic["half"])[:8]:
            if topic["half"] <= few:
                plural = "s" * (topic["half"] > 1)
                found = f"half of its tokens are in {topic['half']} document{plural}"
                yield topic["number"], found
        main = fitted.codes.argmax(axis=1)
        for topic in topics:
            empty = fitted.n_tokens[main == topic["number"]] == 0
            if empty.mean() > 0.5 if len(empty) else False:
                found = "most of the documents that it is the main topic of are empty"
                yield topic["number"], found
    for one, other in duplicate_topics(fitted.components):
        yield other, f"its top words are nearly those of topic {one}"


def add_documents(topics, fitted, labels, n_documents):
    """Give each topic its closest documents, with their shares and texts.

    Returns how many characters texts are cut after, or None of whole ones.
    """
    rows, similarity = fitted.nearest_documents(n_documents)
    rows = [row[np.isfinite(of)].tolist() for row, of in zip(rows, similarity)]
    texts, length = fitted.texts, None
    if texts is not None:
        whole = {row: _paragraphs(texts[row]) for row in {*itertools.chain(*rows)}}
        length = _length_that_fits([whole[row] for row in itertools.chain(*rows)])
    labels = None if labels is None else np.asarray(labels)
    for topic in topics:
        k = topic["number"]
        topic["documents"] = documents = []
        for row in rows[k]:
            document = {"row": row, "id": f"d-{k}-{row}", "share": None, "others": []}
            if not fitted.signed:
                code = fitted.codes[row]
                others = np.argsort(-code, kind="stable")[:4].tolist()
                others = [(j, code[j]) for j in others if j != k and code[j] >= 0.1]
                document |= {"share": code[k], "others": others}
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


def add_classes(topics, fitted, y, n_classes=6):
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
