"""
Topic models compared: GSM, LDA and NMF
=======================================

All that skvae shows of its own models it shows of scikit-learn's: words, sizes, similar
words, documents, maps, and a report for each, one HTML file that needs no network.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.pipeline import make_pipeline

import skvae
from skvae.datasets import fetch_example_texts
from skvae.inspection import (
    representative_documents,
    similar_words,
    top_words,
    topic_sizes,
)
from skvae.plotting import EmbeddingMapDisplay
from skvae.text import TextVectorizer

texts = fetch_example_texts().data[:6000]
vectorizer = TextVectorizer()
X = vectorizer.fit_transform(texts)  # counted once for all
words = vectorizer.get_feature_names_out()
k = 15
models = {
    "GSM": skvae.GSMTopicModel(k, random_state=0),
    "LDA": LatentDirichletAllocation(
        k,
        doc_topic_prior=0.1,
        topic_word_prior=0.01,
        learning_method="online",
        random_state=0,
    ),
    "NMF": NMF(k, beta_loss="kullback-leibler", solver="mu", init="nndsvda"),
}

# %%
# The largest topics of each, with their most relevant words.
pipelines = {}
for name, model in models.items():
    pipelines[name] = make_pipeline(vectorizer, model.fit(X))
    table = topic_sizes(pipelines[name], texts).round(3)
    relevant = top_words(pipelines[name], 6, by="relevance")
    table["words"] = relevant.agg(" ".join, axis=1)
    table = table.sort_values("share", ascending=False)
    print(f"{name}\n{table.head(5).to_string()}\n")

# %%
# What they find similar to one word.
word = "god" if "god" in words else "files"  # docstrings
similar = {name: similar_words(p, word, 6)["word"] for name, p in pipelines.items()}
print(f"similar to {word!r}\n{pd.DataFrame(similar).to_string(index=False)}\n")

# %%
# The document that stands for the first topic of each.
for name, pipeline in pipelines.items():
    first = representative_documents(pipeline, texts, n_documents=1).iloc[0]
    print(f"{name}, {first['topic']}: {' '.join(first['text'].split())[:70]}")

# %%
# Reports, to be opened in a browser.
folder = Path(tempfile.mkdtemp(prefix="skvae-"))
for name, pipeline in pipelines.items():
    path = skvae.report(pipeline, texts, path=folder / f"{name}.html", baseline=None)
    print(f"wrote {path}")

# %%
figure, axes = plt.subplots(1, 3, figsize=(18, 6), layout="constrained")
for ax, (name, pipeline) in zip(axes, pipelines.items(), strict=True):
    EmbeddingMapDisplay.from_estimator(pipeline, texts, n_words=7, ax=ax)
    ax.set_xlabel(name, fontsize=14, fontweight="bold")
plt.show()
