"""
How to choose the number of topics
==================================

More topics predict held-out words better, up to a point, and agree more with labels,
while their top words cohere less in new texts, are shared by topics, and are found
again less surely from another random state. No figure decides alone: the table of
`compare_models` has them all, and names that end in the number of topics make it a
picture.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV

from skvae import GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.model_selection import compare_models
from skvae.plotting import ModelSelectionDisplay
from skvae.text import TextVectorizer

warnings.simplefilter("ignore", ConvergenceWarning)  # of topics that are too many
corpus = fetch_example_texts()
texts = corpus.data[:4000]
labels = np.array(corpus.target_names)[corpus.target[:4000]]
vectorizer = TextVectorizer()
X = vectorizer.fit_transform(texts)
numbers = [5, 10, 20, 40]

# %%
# `GridSearchCV` needs no scorer: a model's score is its bound of the log-likelihood per
# token.
gsm = GSMTopicModel(random_state=0)
search = GridSearchCV(gsm, {"n_components": numbers}, cv=2, refit=False).fit(X)
print(f"the bound is best with {search.best_params_['n_components']} topics")

# %%
# All figures, GSM's and LDA's, each fitted from two random states to nine tenths of the
# texts.
models = {}
for k in numbers:
    models[f"GSM {k}"] = GSMTopicModel(k)
    models[f"LDA {k}"] = LatentDirichletAllocation(
        k, doc_topic_prior=0.1, topic_word_prior=0.01, learning_method="online"
    )
table = compare_models(models, X, y=labels, n_seeds=2, n_jobs=-1)
columns = ["perplexity", "npmi", "npmi_test", "diversity", "stability", "nmi"]
print(table[columns].round(2).to_string())

# %%
# What to see in it: perplexity falls much up to 20 topics and little from there on, so
# that fewer would leave out what the texts are about. GSM's coherence in held-out texts
# falls all along and calls for few, and topics share more and more of their words. For
# reading, 20 is a fair number here; to search or to sort texts by, where agreement with
# labels matters, it may be 40. Circles mark the number that predicts best.
#
# GSM predicts better than LDA with any number of topics, and its topics cohere more in
# the texts of the fit, agree more with labels and are found again more often. In texts
# held out neither is more coherent, and LDA's topics share fewer words.
# :doc:`/how_many_topics` tells what each figure says, of 10,000 texts too.
ModelSelectionDisplay.from_comparison(table)
plt.show()
