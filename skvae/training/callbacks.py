"""What happens around the training steps: schedule, clipping, penalties, progress."""

import math

import numpy as np
import torch
from skorch.callbacks import Callback

from skvae.nn.objective import topic_alignment, topic_incoherence
from skvae.utils.counts import npmi

# Documents, evenly spaced, that pairs of words are counted in.
MAX_DOCUMENTS = 10_000
# Most probable words of a topic that are to occur together.
N_WORDS = 20


class Alternation(Callback):
    """Epochs that update all but the encoder, and the encoder alone, in turn."""

    def on_grad_computed(self, net, named_parameters, **kwargs):
        encoder_rests = len(net.history) % 2 == 1
        for name, weight in named_parameters:
            if name.startswith("encoder.") == encoder_rests:
                weight.grad = None  # which Adam passes over


class Schedule(Callback):
    """Learning rate and KL weight as functions of the progress of training.

    The rate rises over the first tenth to `lr` and falls along a cosine to a fiftieth
    of it; the KL weight rises to 1 over the first `kl_warmup` of training. Both stay
    where they are after `max_epochs` epochs. The module is told of the progress.

    `lr` times the number of steps is how far Adam can move a weight. Where that is
    less than `reach`, rise and fall are as much shorter, and the rate is `lr` between.
    If it is `constant`, it always is.
    """

    def __init__(self, lr, kl_warmup, max_epochs, reach=0.0, constant=False):
        self.lr = lr
        self.kl_warmup = kl_warmup
        self.max_epochs = max_epochs
        self.reach = reach
        self.constant = constant

    def on_epoch_begin(self, net, dataset_train=None, **kwargs):
        self.n_batches_ = math.ceil(len(dataset_train) / net.batch_size)
        self.batch_ = 0

    def on_batch_begin(self, net, training=False, **kwargs):
        if not training:
            return
        epochs = len(net.history) - 1 + self.batch_ / self.n_batches_
        progress = min(epochs / self.max_epochs, 1.0)
        self.batch_ += 1
        reached = self.lr * self.n_batches_ * self.max_epochs
        share = min(reached / self.reach, 1.0) if self.reach else 1.0
        for group in net.optimizer_.param_groups:
            rate = 1.0 if self.constant else self.rate(progress, share)
            group["lr"] = self.lr * rate
        if hasattr(net.module_.link, "at"):
            net.module_.link.at(progress)
        warming = progress < self.kl_warmup
        net.criterion_.warmup = progress / self.kl_warmup if warming else 1.0

    @staticmethod
    def rate(progress, share=1.0, rise=0.1, start=0.04, end=0.02):
        """Learning rate, as a fraction of the largest one."""
        if progress < rise * share:
            return start + (1 - start) * progress / (rise * share)
        left = min((1 - progress) / ((1 - rise) * share), 1.0)
        return end + (1 - end) * 0.5 * (1 - math.cos(math.pi * left))


class TopicAngles(Callback):
    """A penalty on small angles between topics' vectors, which it has a hold of."""

    def on_train_begin(self, net, **kwargs):
        self.decoder_ = net.module_.decoder

    def on_train_end(self, net, **kwargs):
        del self.decoder_

    def __call__(self, x, posterior, likelihood, prior):
        return topic_alignment(self.decoder_.topic_embeddings)


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
        n_documents, joint = self.documents_.shape[0], []
        for words in self.words_.tolist():
            # Sparse products of so few columns are slower.
            has = np.zeros((len(words), n_documents), np.float32)
            for row, word in zip(has, words):
                start, end = self.documents_.indptr[word : word + 2]
                row[self.documents_.indices[start:end]] = 1
            joint.append(has @ has.T)
        values = npmi(np.array(joint, np.float64) / n_documents)
        self.npmi_ = torch.from_numpy(values).to(topics)

    def on_train_end(self, net, **kwargs):
        del self.documents_, self.words_, self.npmi_

    def __call__(self, x, posterior, likelihood, prior):
        return topic_incoherence(x, likelihood, self.words_, self.npmi_)


class ProgressBar(Callback):
    """A bar over the epochs, with loss, KL term and the time left."""

    def __init__(self, label):
        self.label = label

    def on_train_begin(self, net, **kwargs):
        from tqdm.auto import tqdm  # late, since it warns in some notebooks

        # tqdm cuts what has no room, at the end: the figures stand before the rest.
        form = "{n}/{total}{postfix}  {elapsed}<{remaining} {desc} |{bar}|"
        self.bar_ = tqdm(total=net.max_epochs, desc=self.label, bar_format=form)

    def on_epoch_end(self, net, **kwargs):
        row = net.history[-1]
        figures = {"loss": row["train_loss"], "kl": row["kl"]}
        if "valid_loss" in row:
            figures["held out"] = row["valid_loss"]
        # One drawing for both.
        self.bar_.set_postfix(
            {key: f"{value:.4g}" for key, value in figures.items()}, refresh=False
        )
        self.bar_.update()

    def close(self):
        if hasattr(self, "bar_"):
            self.bar_.close()


class EpochTasks(Callback):
    """A fit and its epochs as tasks of scikit-learn's callbacks, such as progress bars.

    The fit must be within a method of the estimator that `with_callbacks` decorates.
    """

    def __init__(self, estimator, n_epochs):
        self.estimator = estimator
        self.n_epochs = n_epochs

    def on_train_begin(self, net, **kwargs):
        self.is_to_stop, self.tasks_ = False, []
        self.begin(self.estimator._init_callback_context(max_subtasks=self.n_epochs))

    def on_epoch_begin(self, net, **kwargs):
        self.begin(self.tasks_[0].subcontext(task_name="epoch"))

    def on_epoch_end(self, net, **kwargs):
        self.end()
        if self.is_to_stop:
            raise KeyboardInterrupt  # as skorch's callbacks do

    def on_train_end(self, net, **kwargs):
        while self.tasks_:  # early stopping leaves an epoch open
            self.end()

    def begin(self, task):
        task.call_on_fit_task_begin(estimator=self.estimator)
        self.tasks_.append(task)

    def end(self):
        task = self.tasks_.pop()
        self.is_to_stop |= task.call_on_fit_task_end(estimator=self.estimator)
