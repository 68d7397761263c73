"""Topics that are paid for coherence: which of the documents' words occur together."""

import numpy as np
import torch
from skorch.callbacks import Callback

from skvae.nn.objective import topic_incoherence
from skvae.utils.npmi import npmi

# Documents, evenly spaced, that pairs of words are counted in.
MAX_DOCUMENTS = 10_000
# Most probable words of a topic that are to occur together.
N_WORDS = 20


class TopicIncoherence(Callback):
    """A penalty that looks up, before each epoch, how topics' top words occur together.

    Only these pairs are counted, in a bounded number of documents: neither memory nor
    time grow with the square of the vocabulary.
    """

    def on_train_begin(self, net, X=None, **kwargs):
        rows = X.rows[:: -(-len(X.rows) // MAX_DOCUMENTS)]
        self.documents_ = X.data.take(rows).X.tocsc()

    def on_epoch_begin(self, net, **kwargs):
        with torch.no_grad():
            topics = net.module_.decoder.topics()
        self.words_ = topics.topk(min(N_WORDS, topics.shape[1])).indices
        values = npmi(self.shares(self.words_.tolist()))
        self.npmi_ = torch.from_numpy(values).to(topics)

    def on_train_end(self, net, **kwargs):
        del self.documents_, self.words_, self.npmi_

    def shares(self, topics):
        """Share of the documents that have both words of a pair, for each topic."""
        n_documents = self.documents_.shape[0]
        joint = []
        for words in topics:
            # Sparse products of so few columns are slower.
            has = np.zeros((len(words), n_documents), np.float32)
            for row, word in zip(has, words):
                start, end = self.documents_.indptr[word : word + 2]
                row[self.documents_.indices[start:end]] = 1
            joint.append(has @ has.T)
        return np.array(joint, np.float64) / n_documents

    def __call__(self, x, posterior, likelihood, prior):
        return topic_incoherence(x, likelihood, self.words_, self.npmi_)
