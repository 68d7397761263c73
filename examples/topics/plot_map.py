"""
Topic map, similar words and similar documents
==============================================

GSM has vectors for words and for topics, and the mixture of a document's topics is one
for the document, so that anything can be compared with anything.
"""

import matplotlib.pyplot as plt
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import most_similar, similar_words
from skvae.plotting import EmbeddingMapDisplay
from skvae.text import TextVectorizer

texts = fetch_example_texts().data
vectorizer = TextVectorizer()
model = make_pipeline(vectorizer, GSMTopicModel(20, random_state=0)).fit(texts)

# %%
# What is close to a word, by the cosine of their vectors: other words, topics, and
# documents.
word = "space" if "space" in vectorizer.vocabulary_ else "files"  # docstrings
print(f"close to the word {word!r}:\n{similar_words(model, word, 5)}\n")
print(most_similar(model, word=word, among="topics", n=3), "\n")
found = most_similar(model, word=word, among="documents", X=texts, n=3)
found["text"] = [" ".join(text.split())[:60] for text in found["text"]]
print(found, "\n")

# %%
# What a new text is about.
text = {
    "space": "The space shuttle was launched into orbit to repair a satellite.",
    "files": "Read the lines of text files, and write them in another format.",
}[word]
print(f"close to the text {text!r}:\n{most_similar(model, document=text, n=5)}")

# %%
# The map: topics, the top words of each, and the ten documents closest to each.
EmbeddingMapDisplay.from_estimator(model, texts)
plt.show()
