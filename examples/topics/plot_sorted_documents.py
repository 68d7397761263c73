"""
Document clustering with topics
===============================

Where every document is to have one topic, cluster the codes of a model. Labels, which
no model has seen, tell how well the documents are sorted.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.pipeline import make_pipeline

from skvae import ClusterTopicModel, GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import top_words
from skvae.metrics import label_alignment
from skvae.plotting import TopicDocumentsDisplay
from skvae.text import TextVectorizer

corpus = fetch_example_texts()
texts = corpus.data
labels = np.array(corpus.target_names)[corpus.target]
vectorizer = TextVectorizer()
n_train = int(0.8 * len(texts))
new, labels_of_new = texts[n_train:], labels[n_train:]

# %%
# How topics of new documents agree with labels: most labels of a topic are the same
# where purity is high, and topics and labels tell most of each other where NMI is.
models = {
    "clusters": ClusterTopicModel(20, random_state=0),
    "GSM": GSMTopicModel(20, random_state=0),
}
figures = {}
for name, model in models.items():
    models[name] = make_pipeline(vectorizer, model).fit(texts[:n_train])
    figures[name] = label_alignment(labels_of_new, models[name].transform(new))
print(pd.DataFrame(figures).T.round(2), "\n")

# %%
# The words of each cluster, and the label that most of its new documents have.
model = models["clusters"]
counts = pd.crosstab(model.predict(new), labels_of_new)
n_documents = counts.sum(axis=1)
rows = pd.DataFrame(
    {
        "documents": n_documents,
        "label of most": counts.idxmax(axis=1),
        "share": (counts.max(axis=1) / n_documents).map("{:.0%}".format),
        "words": top_words(model, 6).agg(" ".join, axis=1).iloc[counts.index].tolist(),
    }
)
print(rows.to_string(index=False))

# %%
TopicDocumentsDisplay.from_estimator(model, new, labels_of_new)
plt.show()
