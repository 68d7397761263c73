"""
Top words of topics
===================

The most probable words of a topic are often frequent in others too. Rankings that ask
how specific a word is bring up words that those hide.
"""

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import top_words
from skvae.plotting import TopicWordsDisplay
from skvae.text import TextVectorizer

texts = fetch_example_texts().data
vectorizer = TextVectorizer()
model = make_pipeline(vectorizer, GSMTopicModel(20, random_state=0)).fit(texts)

# %%
# The same topics by four rankings: probability; Blei and Lafferty's term score;
# relevance, as in LDAvis; and FREX, the mean of the ranks by frequency and exclusivity.
for k in range(3):
    lists = {
        by: top_words(model, 7, by=by).iloc[k]
        for by in ("probability", "term_score", "relevance", "frex")
    }
    print(f"topic {k}\n{pd.DataFrame(lists).T.to_string(header=False)}\n")

# %%
# All topics, the largest first; bars are probabilities.
TopicWordsDisplay.from_estimator(model, texts, by="relevance")
plt.show()
