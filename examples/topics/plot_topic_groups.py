"""
Topics named, merged and left out
=================================

Thirty topics are merged to thirteen: those with the same words go together, each group
has a name, and a topic of everyday words is left out. The model is not fitted again.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.pipeline import make_pipeline
from texts import load_labelled_texts

from skvae import GSMTopicModel, TopicGroups
from skvae.inspection import top_words, topic_sizes
from skvae.plotting import TopicDocumentsDisplay

texts, labels, vectorizer = load_labelled_texts()
model = make_pipeline(vectorizer, GSMTopicModel(30, random_state=0)).fit(texts)

# %%
# Topics are alike if the same words are probable in them: the square root of their
# product, summed over all words, is 1 for equal topics and 0 for those without a word
# in common.
roots = np.sqrt(model[-1].components_)
distance = 1 - (roots @ roots.T)[np.triu_indices(30, 1)]
cluster = fcluster(linkage(distance, "complete"), 13, criterion="maxclust")
words = top_words(model, 2, by="relevance").agg(" ".join, axis=1)
shares = topic_sizes(model, texts)["share"].to_numpy()
groups = {}
for number in np.unique(cluster):
    members = np.flatnonzero(cluster == number)
    largest = members[shares[members].argmax()]  # gives its words as a name
    groups[words.iloc[largest]] = members.tolist()

# %%
# Dropped is the largest topic: here the words of any text.
everyday = int(shares.argmax())
groups = {
    name: [topic for topic in members if topic != everyday]
    for name, members in groups.items()
}
groups = {name: members for name, members in groups.items() if members}
merged = TopicGroups(model, groups, drop=[everyday]).fit(texts)
print(f"dropped: {' '.join(top_words(model, 6).iloc[everyday])}\n")
print(top_words(merged, 8).agg(" ".join, axis=1).to_string(), "\n")

# %%
# Groups are a topic model like any other.
TopicDocumentsDisplay.from_estimator(merged, texts, labels)
plt.show()
