"""Draw docs/images/landing.svg: six of 20 topics of 20 newsgroups, large and coherent.

Words are large enough for a telephone, and there is no background, for the dark.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.text import Text
from sklearn.feature_extraction.text import CountVectorizer

from skvae import GSMTopicModel
from skvae.datasets import fetch_example_texts
from skvae.inspection import topic_sizes
from skvae.metrics import npmi_coherence
from skvae.plotting import TopicWordsDisplay

texts = fetch_example_texts().data
vectorizer = CountVectorizer(
    stop_words="english",
    token_pattern=r"\b[^\W\d_]{3,}\b(?!['’]t)",
    max_df=0.1,
    min_df=10,
    max_features=2000,
)
X = vectorizer.fit_transform(texts)
names = vectorizer.get_feature_names_out()
model = GSMTopicModel(20, random_state=0).fit(X)
large = topic_sizes(model, X)["share"].to_numpy() > 0.03
coherence = np.where(large, npmi_coherence(model, X, per_topic=True), -1)
plt.rcParams["svg.hashsalt"] = "skvae"  # the same file again
display = TopicWordsDisplay.from_estimator(
    model,
    X,
    topics=np.argsort(-coherence)[:6],
    n_words=5,
    feature_names=names,
    n_columns=2,
)
for text in display.figure_.findobj(Text):
    text.set_fontsize(1.2 * text.get_fontsize())
display.figure_.set_size_inches(5.2, 4.8)
path = Path(__file__).with_suffix(".svg")
display.figure_.savefig(path, transparent=True, metadata={"Date": None})
