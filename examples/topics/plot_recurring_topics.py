"""
Topic stability: which topics recur
===================================

Fits that differ in their random state alone do not find the same topics. Which ones
recur, and which are chance? And what comes out if five fits have to agree?
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from skvae import ConsensusTopicModel, GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import recurring_topics, top_words
from skvae.model_selection import compare_models
from skvae.text import TextVectorizer

corpus = fetch_example_texts()
texts = corpus.data[:2500]
labels = np.array(corpus.target_names)[corpus.target[:2500]]
vectorizer = TextVectorizer()
gsm = GSMTopicModel(20)
models = {
    "GSM": make_pipeline(vectorizer, gsm),
    "consensus": make_pipeline(vectorizer, ConsensusTopicModel(20, estimator=gsm)),
}
table, fits = compare_models(
    models, texts, y=labels, n_seeds=3, n_jobs=-1, return_estimator=True
)
columns = ["perplexity", "npmi", "diversity", "nmi", "stability", "doc_stability"]
print(table[columns].round(2).to_string())

# %%
# The fit that agrees best with the others comes first, with its topics that recur most.
recurring = recurring_topics(fits["GSM"], n_words=5)
typical = recurring.loc[recurring.index[0][0]]
print(
    f"\n{typical.head(3).to_string()}\n...\n{typical.tail(3).to_string(header=False)}"
)

# %%
# Of a consensus the model itself tells how well its members agree.
consensus = fits["consensus"][0]
of_members = top_words(consensus, 5).agg(" ".join, axis=1).to_frame("words")
of_members["recurrence"] = consensus[-1].recurrence_
of_members = of_members.sort_values("recurrence", ascending=False)

_, axes = plt.subplots(1, 2, figsize=(11, 6), sharex=True, layout="constrained")
for ax, found, title, where in [
    (axes[0], typical, "one fit", "two other fits"),
    (axes[1], of_members, "a consensus", "its members"),
]:
    ax.barh(found["words"], found["recurrence"], color="#0072b2")
    ax.invert_yaxis()
    ax.set_title(title, loc="left", fontweight="bold")
    ax.set_xlabel(f"recurrence in {where}")
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
