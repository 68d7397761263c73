"""
Covariates: topics given document metadata
==========================================

Where documents come in groups, topics mostly find the groups again. A model that is
given the group of each document explains by it what it can, and its topics are left
with what goes through the groups.
"""

from collections import Counter

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from skvae import GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import top_words
from skvae.text import TextVectorizer

corpus = fetch_example_texts()
texts = corpus.data
groups = np.array(corpus.target_names)[corpus.target]
vectorizer = TextVectorizer()
counts = vectorizer.fit_transform(texts)
words = vectorizer.get_feature_names_out()
n_train = int(0.9 * len(texts))
train, test = slice(None, n_train), slice(n_train, None)

plain = GSMTopicModel(20, random_state=0).fit(counts[train])
given = GSMTopicModel(20, random_state=0).fit(counts[train], covariates=groups[train])
print(f"held-out perplexity without groups: {plain.perplexity(counts[test]):.0f}")
perplexity = given.perplexity(counts[test], covariates=groups[test])
print(f"held-out perplexity given groups: {perplexity:.0f}\n")

# %%
# The words that a group favours, whatever the topic, and how many times.
factors = given.covariate_components_ - given.covariate_components_.mean(axis=0)
for group, row in zip(given.covariate_values_, factors, strict=True):
    best = row.argsort()[:-7:-1]
    print(
        f"{group:>25}  " + ", ".join(f"{words[j]} {np.exp(row[j]):.0f}" for j in best)
    )

# %%
# The same topics in two groups.
(one, _), (other, _) = Counter(groups).most_common(2)
table = pd.concat(
    {
        group: top_words(
            given, 6, feature_names=words, by="relevance", covariates=group
        ).agg(" ".join, axis=1)
        for group in (one, other)
    },
    axis=1,
)
print(f"\n{table.head(8).to_string()}")


# %%
# How the groups share in the topics: on the left topics are groups, on the right they
# are what the groups have in common.
def shares(codes):
    """Mean proportion of each topic in each group, topics in the order of groups."""
    means = pd.DataFrame(codes).groupby(groups).mean()
    means = means / means.sum()
    return means[means.to_numpy().argmax(axis=0).argsort(kind="stable")]


codes = {
    "without groups": plain.transform(counts),
    "given groups": given.transform(counts, covariates=groups),
}
figure, axes = plt.subplots(1, 2, figsize=(10, 5), sharey=True, layout="constrained")
for ax, (title, values) in zip(axes, codes.items(), strict=True):
    table = shares(values)
    image = ax.imshow(table, vmin=0, vmax=0.5, cmap="Blues", aspect="auto")
    ax.set(title=f"Topics {title}", xlabel="topic", xticks=[])
axes[0].set_yticks(range(len(table)), table.index)
figure.colorbar(image, label="share of the topic that the group has", extend="max")
plt.show()
