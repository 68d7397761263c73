"""
Topics over time
================

How much of the documents of each month is about a topic, with the uncertainty of the
mean. Documents are drawn from topics that come and go, so that the truth is known: the
dashed lines are the means of these very documents. The bands say more: where the means
of all documents may be that might have been written in a month.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from sklearn.utils.extmath import row_norms

from skvae import GSMTopicModel
from skvae.datasets import make_topic_corpus
from skvae.inspection import topic_prevalence
from skvae.plotting import TopicPrevalenceDisplay

# %%
# A topic is rare in some months and frequent in others: of a large corpus, a document
# goes to a month with the probability that its topics have there.
corpus = make_topic_corpus(6000, 500, 6, random_state=0)
months = pd.period_range("2023-01", "2024-12", freq="M")
phase = 2 * np.pi * (np.arange(24)[:, None] / 24 + np.arange(6) / 6)
weights = corpus.doc_topic @ (1 + 0.9 * np.sin(phase)).T
rng = np.random.default_rng(0)
month = [rng.choice(24, p=row / row.sum()) for row in weights]
dates = months[month].start_time

# Other seeds may merge two of the planted topics, which `compare_models` would show.
model = GSMTopicModel(6, random_state=1).fit(corpus.data)
prevalence = topic_prevalence(model, corpus.data, dates)
print(prevalence.head(6).to_string(index=False, float_format="%.3f"), "\n")

# %%
# The planted topics, in the order of those that the model found.
found = model.components_ / row_norms(model.components_)[:, None]
planted = corpus.components / row_norms(corpus.components)[:, None]
_, order = linear_sum_assignment(-found @ planted.T)
truth = pd.DataFrame(corpus.doc_topic[:, order]).groupby(months[month]).mean()
off = prevalence["share"] - truth.to_numpy().ravel()
print(f"mean distance from the truth: {off.abs().mean():.1%}")

# %%
display = TopicPrevalenceDisplay.from_estimator(
    model, corpus.data, dates, topics=range(6)
)
for k, ax in enumerate(display.axes_.flat):
    ax.plot(months.start_time, truth[k], "--", color="black", linewidth=1)
plt.show()
