"""
Topics in classes of documents
==============================

Topics are found without looking at classes. Where documents have some, their mean topic
proportions tell how the two go together.
"""

import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline
from texts import load_labelled_texts

from skvae import GSMTopicModel
from skvae.inspection import representative_documents, topic_sizes
from skvae.plotting import TopicDocumentsDisplay

texts, labels, vectorizer = load_labelled_texts()
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
