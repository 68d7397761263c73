"""
How to choose the number of topics
==================================

More topics predict held-out words better, up to a point, and agree more with labels,
while their top words cohere less, are shared, and are not found again from another
random state. The table of `compare_models` has it all; names that end in the number of
components make it a picture.
"""

import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.model_selection import GridSearchCV

from skvae import GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.model_selection import compare_models
from skvae.plotting import ModelSelectionDisplay

warnings.simplefilter("ignore", ConvergenceWarning)  # of topics that are too many
corpus = fetch_example_texts()
texts = corpus.data[:4000]
labels = np.array(corpus.target_names)[corpus.target[:4000]]
vectorizer = CountVectorizer(
    stop_words="english",
    token_pattern=r"\b[^\W\d_]{3,}\b(?!['’]t)",  # letters, not the "don" of "don't"
    max_df=0.1,  # no everyday words
    min_df=10,
    max_features=2000,
)
X = vectorizer.fit_transform(texts)
numbers = [5, 10, 20, 40]

# %%
# GridSearchCV needs no scorer, the score is the bound per token.
gsm = GSMTopicModel(random_state=0)
search = GridSearchCV(gsm, {"n_components": numbers}, cv=2, refit=False).fit(X)
print(f"the bound is best with {search.best_params_['n_components']} topics")

# %%
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
# What each says of the number of topics: perplexity of held-out documents, coherence of
# the topics and their diversity, whether another random state finds the same, and how
# they agree with the groups of the texts. Circles mark the number that predicts best.
ModelSelectionDisplay.from_comparison(table)
plt.show()
