"""
Merge, name and drop topics
===========================

Thirty topics are merged to thirteen: those with the same words go together, each group
has a name, and a topic of everyday words is left out. The model is not fitted again.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel, TopicGroups
from skvae.datasets import fetch_example_texts
from skvae.inspection import intrusion_sheet, name_topics, top_words, topic_sizes
from skvae.plotting import TopicDocumentsDisplay, TopicHierarchyDisplay
from skvae.text import TextVectorizer

corpus = fetch_example_texts()
texts = corpus.data
labels = np.array(corpus.target_names)[corpus.target]
vectorizer = TextVectorizer()
model = make_pipeline(vectorizer, GSMTopicModel(30, random_state=0)).fit(texts)

# %%
# Topics are alike if the same words are probable in them. The tree merges the closest
# ones first; groups are as far from each other as their topics that are farthest apart.
tree = TopicHierarchyDisplay.from_estimator(model, method="complete", n_groups=13)
cluster = tree.groups_
names = list(name_topics(model))  # of two words each
shares = topic_sizes(model, texts)["share"].to_numpy()
groups = {}
for number in np.unique(cluster):
    members = np.flatnonzero(cluster == number)
    largest = members[shares[members].argmax()]  # gives its name
    groups[names[largest]] = members.tolist()

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
for name, row in top_words(merged, 8).iterrows():
    print(f"{name:20}{' '.join(row)}")

# %%
# Do people see what the groups are about? One word of each row belongs to another one.
sheet = intrusion_sheet(merged, random_state=0)
questions = sheet.drop(columns="intruder").reset_index(drop=True)
print(f"\n{questions.head().to_string(index=False, header=False)}")
print(f"answers: {sheet['intruder'].head().tolist()}")

# %%
# Groups are a topic model like any other.
TopicDocumentsDisplay.from_estimator(merged, texts, labels)
plt.show()
