"""
Topics per class
================

Topics are found without looking at classes. Where documents have some, their mean topic
proportions tell how the two go together.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import representative_documents, topic_sizes
from skvae.plotting import TopicDocumentsDisplay
from skvae.text import TextVectorizer

corpus = fetch_example_texts()
texts = corpus.data
labels = np.array(corpus.target_names)[corpus.target]
vectorizer = TextVectorizer()
model = make_pipeline(vectorizer, GSMTopicModel(20, random_state=0)).fit(texts)

# %%
# How large the topics are, and the document that is closest to each, with its class.
table = topic_sizes(model, texts).round(3)
closest = representative_documents(model, texts, n_documents=1)
table["closest"] = [
    f"{labels[row]}: {' '.join(text.split())[:50]}"
    for row, text in zip(closest["document"], closest["text"], strict=True)
]
print(table.to_string())

# %%
TopicDocumentsDisplay.from_estimator(model, texts, labels)
plt.show()
