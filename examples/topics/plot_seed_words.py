"""
Guided topic modelling with seed words
======================================

Some topics are known beforehand: a few words of each say what they are to be about, and
the other topics are found as ever. Seeded ones begin with what documents with their
words are about, and have their names wherever topics have one.
"""

import matplotlib.pyplot as plt
import numpy as np

from skvae import GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import top_words
from skvae.plotting import TopicDocumentsDisplay
from skvae.text import TextVectorizer

corpus = fetch_example_texts()
texts = corpus.data
labels = np.array(corpus.target_names)[corpus.target]
vectorizer = TextVectorizer()
X = vectorizer.fit_transform(texts)
words = vectorizer.get_feature_names_out()

seeds = {
    "space flight": ["orbit", "nasa", "shuttle"],
    "hockey": ["hockey", "nhl", "playoff"],
    "guns": ["gun", "firearms", "weapon"],
    "medicine": ["doctor", "patients", "disease"],
    "encryption": ["encryption", "clipper", "nsa"],
    "motorcycles": ["bike", "ride", "motorcycle"],
}
if "sci.space" not in labels:  # docstrings
    seeds = {"files": ["files", "path"], "matrices": ["sparse", "matrices"]}

# %%
# Counts have no names of their own, so the model is given the words.
model = GSMTopicModel(20, seed_words=seeds, feature_names=words, random_state=0)
proportions = model.fit_transform(X)
for name, row in top_words(model, 8).iterrows():
    print(f"{name:16}{' '.join(row)}")

# %%
# How many documents of which group have a seeded topic as their largest?
print()
largest = proportions.argmax(axis=1)
for number, name in enumerate(seeds):
    groups, sizes = np.unique(labels[largest == number], return_counts=True)
    if len(groups):
        share = sizes.max() / sizes.sum()
        print(
            f"{name}: {sizes.sum()} documents, {share:.0%} of {groups[sizes.argmax()]}"
        )

# %%
# In pictures topics have their names too.
TopicDocumentsDisplay.from_estimator(model, X, labels)
plt.show()
