"""Topic proportions, and decoders of word counts."""

import torch
import torch.nn.functional as F
from torch import nn

from skvae.nn.layers import Linear, Standardise
from skvae.nn.likelihoods import LogLinear, TopicMixture


class TopicDecoder(nn.Module):
    """p(word | code, covariates), in proportion to p(word | code) * exp(c @ B).

    Subclasses have p(word | code), as `words`. B starts at zero: no covariate matters.

    Attributes
    ----------
    n_features : int
    width : int
        Numbers that a document takes, words aside.
    scores_non_zeros : bool
        Whether documents are scored without an array of all of their words.
    """

    width = 1
    scores_non_zeros = False

    def __init__(self, n_features, n_covariates):
        super().__init__()
        self.n_features = n_features
        self.covariate_components = (
            nn.Parameter(torch.zeros(n_covariates, n_features))
            if n_covariates
            else None
        )

    def halfway_to(self, topics):
        """Mean of given word probabilities and the frequencies of the words."""
        return (topics.to(self.background) + self.background.softmax(-1)) / 2

    def forward(self, codes, generator=None, c=None):
        words = self.words(codes)
        unknown = c is None or c.shape[-1] == 0
        if unknown or self.covariate_components is None:
            return words
        return words.tilted(c, self.covariate_components)


class LogLinearDecoder(TopicDecoder):
    """p(word | z) = softmax(W z + b), the decoder of NVDM."""

    scores_non_zeros = True

    def __init__(self, n_features, n_components, generator, n_covariates=0):
        super().__init__(n_features, n_covariates)
        self.output = Linear(n_components, n_features, generator)

    @property
    def background(self):
        """Log frequency of the words where z = 0."""
        return self.output.bias

    def words(self, z):
        return LogLinear(z, self.output.weight, self.output.bias)


class GaussianSoftmax(nn.Module):
    """Latent code to topic proportions, softmax(W z + b)."""

    def __init__(self, n_components, generator):
        super().__init__()
        self.linear = Linear(n_components, n_components, generator)

    def forward(self, z):
        return self.linear(z).softmax(-1)


class AnnealedSoftmax(nn.Module):
    """Latent code to topic proportions, softmax(s z), with s that falls in training.

    Codes have unit variance over the documents. Where s is small, proportions are near
    equal and mix in a nearly linear way: topics may be rotated into any others that
    predict as well, and mean nothing. With the large s of the start a document is of
    few topics, which thus take themes; later they keep them.

    Parameters
    ----------
    concentration : float
        Of the symmetric Dirichlet distribution that standard normal codes stand for in
        the end, in Laplace's approximation: s is its power of -1/2.
    """

    # Where s starts, that of a concentration of 1/16, and when it has come to its end.
    first = 4.0
    cooled = 0.25

    def __init__(self, concentration):
        super().__init__()
        self.last = concentration**-0.5
        self.register_buffer("sharpness", torch.ones(()))
        self.at(0.0)

    def at(self, progress):
        """Set s for a point of training, from 0 to 1."""
        first = max(self.first, self.last)
        done = min(progress / self.cooled, 1.0)
        self.sharpness.fill_(first + (self.last - first) * done)

    def forward(self, z):
        return (self.sharpness * z).softmax(-1)


class StickBreaking(nn.Module):
    """Base of the constructions that break a stick of unit length into proportions.

    Piece k takes the share sigmoid(logit_k) of what the pieces before it have left, and
    the last one the rest. `shift` makes the pieces equal where the logits are 0.
    """

    def __init__(self, n_components):
        super().__init__()
        shift = -torch.arange(n_components - 1, 0, -1.0).log()
        self.register_buffer("shift", shift, persistent=False)

    def break_at(self, logits):
        logits = logits + self.shift
        left = F.logsigmoid(-logits).cumsum(-1)
        pieces = F.logsigmoid(logits) + F.pad(left[..., :-1], (1, 0))
        return torch.cat([pieces, left[..., -1:]], dim=-1).exp()


class GaussianStickBreaking(StickBreaking):
    """Latent code to topic proportions, breaking the stick at W z + b."""

    def __init__(self, n_components, generator):
        super().__init__(n_components)
        self.linear = Linear(n_components, n_components - 1, generator)

    def forward(self, z):
        return self.break_at(self.linear(z))


class RecurrentStickBreaking(StickBreaking):
    """Latent code to topic proportions, breaking the stick at h_k . z.

    The vectors come from a recurrent network without input, h_k = tanh(W h_(k-1) + b),
    so that their number is free in principle.
    """

    def __init__(self, n_components, generator):
        super().__init__(n_components)
        self.first = nn.Parameter(torch.randn(n_components, generator=generator))
        self.recurrence = Linear(n_components, n_components, generator)

    def forward(self, z):
        h = [self.first]
        while len(h) < len(self.shift):
            h.append(torch.tanh(self.recurrence(h[-1])))
        return self.break_at(z @ torch.stack(h, dim=1))


TOPIC_CONSTRUCTIONS = {
    "softmax": GaussianSoftmax,
    "stick-breaking": GaussianStickBreaking,
    "recurrent": RecurrentStickBreaking,
}


class TopicMixtureDecoder(TopicDecoder):
    """p(word | proportions) = proportions @ topics, the decoder of GSM.

    A topic is softmax(topic_embedding @ word_embeddings.T + background), a distribution
    over words. `background` holds what all topics share, above all word frequency; it
    is 0 if it is not to be learnt.
    """

    def __init__(
        self,
        n_features,
        n_components,
        embedding_size,
        train_word_embeddings,
        generator,
        n_covariates=0,
        learn_background=True,
    ):
        super().__init__(n_features, n_covariates)
        self.scores_non_zeros = n_covariates == 0
        # Products of the embeddings then start with a standard deviation of 1.
        self.std = std = embedding_size**-0.25
        shape = n_components, embedding_size
        vectors = torch.randn(shape, generator=generator) * std
        self.topic_embeddings = nn.Parameter(vectors)
        shape = n_features, embedding_size
        vectors = torch.randn(shape, generator=generator) * std
        self.word_embeddings = nn.Parameter(
            vectors, requires_grad=train_word_embeddings
        )
        zeros = torch.zeros(n_features)
        self.background = nn.Parameter(zeros, requires_grad=learn_background)
        # What word embeddings were divided by, and are to be multiplied by for users.
        self.register_buffer("scale", torch.ones(()))

    def start_from(self, word_embeddings):
        """Take word embeddings of any scale, in the one that training is made for."""
        size = word_embeddings.square().mean().sqrt()
        if size > 0:  # a power of 2, which rounds nothing
            self.scale.copy_((size / self.std).log2().round().exp2())
        self.word_embeddings.copy_(word_embeddings / self.scale)

    @torch.no_grad()
    def start_topics(self, topics):
        """Let the first topics start halfway from word frequencies to given topics.

        Word embeddings change as little as this takes while other topics stay as they
        are. If word embeddings are not learned, topic embeddings come as close as they
        can. So do both if there are more topics than dimensions.
        """
        wanted = self.halfway_to(topics).log() - self.background
        vectors = self.topic_embeddings
        if self.word_embeddings.requires_grad:
            missing = torch.zeros(len(vectors), self.n_features).to(wanted)
            missing[: len(topics)] = (
                wanted - vectors[: len(topics)] @ self.word_embeddings.T
            )
            self.word_embeddings += missing.T @ torch.linalg.pinv(vectors).T
        else:
            vectors[: len(topics)] = wanted @ torch.linalg.pinv(self.word_embeddings).T

    def topics(self):
        """Word probabilities of each topic; shape (n_components, n_features)."""
        logits = self.topic_embeddings @ self.word_embeddings.T + self.background
        return logits.softmax(-1)

    def words(self, proportions):
        return TopicMixture(proportions, self.topics())


class ExpertsDecoder(TopicDecoder):
    """p(word | proportions) = softmax of mixed topics, the decoder of ProdLDA.

    Topics are weights of any sign. The mixed weights of a word are standardised over
    the batch, to the word's `spread`, and a learnt offset is added, which takes up word
    frequency.

    Attributes
    ----------
    spread : Parameter of shape (n_features,)
        Not learnt: 1, or less for words of few documents, see `spread_of`.
    """

    scores_non_zeros = True
    # A word of so many documents has half of the variance that one of very many has.
    evidence = 5.0

    def __init__(self, n_features, n_components, generator, n_covariates=0):
        super().__init__(n_features, n_covariates)
        topics = torch.empty(n_components, n_features)
        self.topics = nn.Parameter(nn.init.xavier_uniform_(topics, generator=generator))
        self.standardise = Standardise(n_features, offset=True, scale=True)
        self.spread.requires_grad_(False)

    @property
    def background(self):
        """Log frequency of the words."""
        return self.standardise.offset

    @property
    def spread(self):
        return self.standardise.scale

    @classmethod
    def spread_of(cls, n_documents):
        """Standard deviation of the logits of words that so many documents have.

        Variance that is estimated from n documents has some part that is noise, in
        proportion to 1 / n. The rest of it is to be trusted, n / (n + `evidence`).
        """
        return (n_documents / (n_documents + cls.evidence)) ** 0.5

    @torch.no_grad()
    def start_topics(self, topics):
        """Let the first topics start where they raise the words of given topics.

        Weights keep the variance of random ones.
        """
        weights = self.halfway_to(topics).log() - self.background
        weights = weights - weights.mean(0)
        if (size := weights.std(correction=0)) > 0:  # or all topics are alike
            self.topics[: len(topics)] = weights * (
                self.topics.std(correction=0) / size
            )

    def words(self, proportions):
        if len(self.topics) == 1:  # all documents are alike: there is no variance
            return LogLinear(proportions, 0 * self.topics, self.background)
        weight, bias = self.standardise.of_product(proportions, self.topics)
        return LogLinear(proportions, weight, bias)
