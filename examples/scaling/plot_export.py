"""
Export to ONNX, with a model card
=================================

A fitted model goes out in three files: its weights for skvae, its encoder as an ONNX
graph, which needs neither Python nor PyTorch, and a model card that tells people what
it is.
"""

import json
import tempfile
from functools import partial
from pathlib import Path
from timeit import timeit

import matplotlib.pyplot as plt
import numpy as np
import onnxruntime
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

import skvae
from skvae.datasets import load_docstrings
from skvae.export import model_card, to_onnx

train, test = train_test_split(
    load_docstrings(packages=["sklearn"]).data, test_size=0.2, random_state=0
)
pipeline = make_pipeline(
    CountVectorizer(
        stop_words="english",
        token_pattern=r"\b[^\W\d_]{3,}\b",  # letters alone
        max_df=0.1,  # no everyday words
        max_features=1000,
    ),
    skvae.GSMTopicModel(10, random_state=0),
).fit(train)
vectorizer, model = pipeline

# %%
# The three files.
folder = tempfile.TemporaryDirectory()
weights, graph = (
    Path(folder.name, "topics.safetensors"),
    Path(folder.name, "topics.onnx"),
)
model.save(weights)
to_onnx(model, graph)
card = model_card(
    pipeline,
    Path(folder.name, "README.md"),
    title="Topics of scikit-learn's docstrings",
    use="Showing how a model goes out.",
    data="Docstrings of the installed scikit-learn.",
    X_test=test,
)
print(card[: card.index("## Limits")])

# %%
# The graph takes dense rows in single precision and computes what `transform` does.
loaded = skvae.load(weights)
session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
X = vectorizer.transform(test)
rows = X.toarray().astype(np.float32)
(codes,) = session.run(["codes"], {"X": rows})
difference = np.abs(codes - loaded.transform(X)).max()
print(f"largest difference of a topic's proportion: {difference:.0e}")
print(json.dumps(session.get_modelmeta().custom_metadata_map)[:200])


# %%
# What a text costs, counting included, when texts come one by one and when they come
# together.
def with_skvae(texts):
    return loaded.transform(vectorizer.transform(texts))


def with_onnx(texts):
    rows = vectorizer.transform(texts).toarray().astype(np.float32)
    return session.run(["codes"], {"X": rows})


sizes = [1, 4, 16, 64, 256]
figure, ax = plt.subplots(figsize=(6, 3.5), layout="constrained")
for name, function in (("skvae", with_skvae), ("ONNX", with_onnx)):
    seconds = [timeit(partial(function, test[:n]), number=10) / 10 / n for n in sizes]
    ax.plot(sizes, 1000 * np.array(seconds), "o-", label=name)
ax.set(
    title="Topics of texts",
    xlabel="texts at a time",
    ylabel="ms a text",
    xscale="log",
    yscale="log",
)
ax.set_xticks(sizes, sizes)
ax.yaxis.set_major_formatter("{x:g}")
ax.minorticks_off()
ax.legend()
plt.show()
folder.cleanup()
