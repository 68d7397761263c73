"""
Out-of-core learning: texts larger than memory
==============================================

A file of texts is read a chunk at a time. `partial_fit` learns from each chunk as it
passes by; `write_shards` puts the counts on disk, where a model finds them epoch by
epoch as if they were in memory.
"""

import json
import tempfile
import tracemalloc
from itertools import islice
from pathlib import Path

import matplotlib.pyplot as plt
from sklearn.feature_extraction.text import CountVectorizer

from skvae import NVDMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import top_words
from skvae.shards import write_shards

N_PASSES, N_COMPONENTS = 8, 20

# %%
# The file, with a text on each line, in random order. In earnest it is there already
# and larger than this one.
folder = tempfile.TemporaryDirectory()
path = Path(folder.name, "texts.jsonl")
with open(path, "w") as file:
    for text in fetch_example_texts().data:
        print(json.dumps(text), file=file)
print(f"{path.stat().st_size / 1e6:.0f} MB of texts")


def chunks(n_texts=250):
    """Read the file: only one list of texts is in memory at a time."""
    with open(path) as file:
        while lines := list(islice(file, n_texts)):
            yield [json.loads(line) for line in lines]


# %%
# The first chunk is kept for the test, the second gives the vocabulary, which then
# stays as it is. Where topics need no words,
# ``HashingVectorizer(norm=None, alternate_sign=False)`` needs no first look.
test_texts, first_texts = islice(chunks(), 2)
words = r"\b[^\W\d_]{3,}\b(?!['’]t)"  # of letters, not the "don" of "don't"
vectorizer = CountVectorizer(
    stop_words="english", token_pattern=words, max_df=0.1, max_features=2000
)
vectorizer = CountVectorizer(
    vocabulary=vectorizer.fit(first_texts).get_feature_names_out(), token_pattern=words
)
test = vectorizer.transform(test_texts)


def counts():
    """Counts of all chunks but the test's."""
    return map(vectorizer.transform, islice(chunks(), 1, None))


n_chunks = sum(1 for _ in counts())


# %%
# Three ways to train for the same number of epochs, beside a model of one chunk alone,
# and the largest memory that Python and NumPy take meanwhile.
perplexities = []


def stream():
    model = NVDMTopicModel(N_COMPONENTS, max_epochs=N_PASSES * n_chunks, random_state=0)
    for _ in range(N_PASSES):
        for X in counts():
            model.partial_fit(X)
        perplexities.append(model.perplexity(test))
    return model


def from_disk():
    X = write_shards(counts(), Path(folder.name, "counts"))
    return NVDMTopicModel(N_COMPONENTS, max_epochs=N_PASSES, random_state=0).fit(X)


def from_memory():
    texts = [text for chunk in islice(chunks(), 1, None) for text in chunk]
    X = vectorizer.transform(texts)
    return NVDMTopicModel(N_COMPONENTS, max_epochs=N_PASSES, random_state=0).fit(X)


one_chunk = NVDMTopicModel(N_COMPONENTS, random_state=0).fit(next(counts()))
print(f"one chunk alone: perplexity {one_chunk.perplexity(test):.0f}")
models, memory = {"one chunk alone": one_chunk}, {}
for way in (from_memory, from_disk, stream):
    name = way.__name__.replace("_", " ")
    tracemalloc.start()
    models[name] = way()
    memory[name] = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    perplexity = models[name].perplexity(test)
    print(f"{name:>15}: perplexity {perplexity:.0f}, {memory[name]:.0f} MB")

# %%
# Topics of the stream.
names = vectorizer.get_feature_names_out()
words = top_words(models["stream"], 7, feature_names=names).head(8)
print(words.to_string(header=False))

# %%
figure, axes = plt.subplots(1, 2, figsize=(10, 3.5), layout="constrained")
axes[0].plot(range(1, N_PASSES + 1), perplexities, "o-", label="stream")
for color, name in (("C1", "from memory"), ("C3", "one chunk alone")):
    axes[0].axhline(models[name].perplexity(test), color=color, ls="--", label=name)
axes[0].set(title="Held-out texts", xlabel="passes of the stream", ylabel="perplexity")
axes[0].legend()
axes[1].bar_label(axes[1].barh(list(memory), list(memory.values())), fmt=" %.0f")
axes[1].set(title="Peak of memory", xlabel="MB")
axes[1].margins(x=0.1)
plt.show()
folder.cleanup()
