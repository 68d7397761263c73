"""
Training curves and early stopping
==================================

Early stopping holds out a tenth of the documents, stops when their bound gets no better
and keeps the best weights. The KL term, which warms up, is what a document's code says;
at 0 nothing would be learnt about single documents.
"""

import matplotlib.pyplot as plt

from skvae import NVDMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.plotting import TrainingCurveDisplay
from skvae.text import TextVectorizer

texts = fetch_example_texts().data[:3000]
vectorizer = TextVectorizer()
X = vectorizer.fit_transform(texts)

model = NVDMTopicModel(
    50, max_epochs=60, kl_warmup=0.1, early_stopping=True, random_state=0
)
model.fit(X)
health = model.health_
print(
    f"{model.n_iter_} epochs, kept {health['best_epoch']}, "
    f"{health['active_units']} of 50 latent units in use, training perplexity "
    f"{health['perplexity']:.0f} (word frequencies: {health['unigram_perplexity']:.0f})"
)

# %%
TrainingCurveDisplay.from_estimator(model)
plt.show()
