import pandas as pd
import pytest
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from skvae import GSMTopicModel, NVDMTopicModel
from skvae.datasets import make_topic_corpus


@pytest.fixture(scope="session")
def models():
    """Models of each kind, fitted on planted topics; and the documents, with names."""
    corpus = make_topic_corpus(300, 40, 3, word_concentration=0.4, random_state=0)
    X = pd.DataFrame(corpus.data.toarray(), columns=[f"w{j}" for j in range(40)])
    return {
        "GSM": GSMTopicModel(3, embedding_size=8, max_epochs=60, random_state=2).fit(X),
        "NVDM": NVDMTopicModel(3, max_epochs=10, random_state=1).fit(X),
        "LDA": LatentDirichletAllocation(3, random_state=0).fit(X),
        "NMF": NMF(3, init="nndsvda").fit(X),
    }, X


@pytest.fixture(scope="session")
def of_texts():
    """A Pipeline fitted on texts, and these texts."""
    texts = ["dog dog cat", "cat dog dog", "train bus train"]
    lda = LatentDirichletAllocation(2, random_state=0)
    return make_pipeline(CountVectorizer(), lda).fit(texts), texts
