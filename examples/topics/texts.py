"""Texts that the examples in this folder load."""

import socket
import warnings

import numpy as np
from sklearn.datasets import fetch_20newsgroups
from sklearn.feature_extraction.text import CountVectorizer

from skvae.datasets import load_docstrings


def load_labelled_texts(n_texts=None):
    """Return texts in random order, their classes, and a vectorizer for them.

    20 newsgroups where scikit-learn has it or can download it, or the docstrings of the
    installed packages, whose classes are the packages.
    """
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)  # a network that swallows packets is no network
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on the retries that follow a failure
            corpus = fetch_20newsgroups(
                remove=("headers", "footers", "quotes"), n_retries=1
            )
    except OSError:
        print("20 newsgroups is neither cached nor to be had: taking docstrings.")
        corpus = load_docstrings()
    finally:
        socket.setdefaulttimeout(timeout)
    order = np.random.default_rng(0).permutation(len(corpus.data))[:n_texts]
    vectorizer = CountVectorizer(
        stop_words="english",
        strip_accents="ascii",
        max_df=0.5,
        min_df=min(10, 1 + len(order) // 100),
        max_features=1000,
        token_pattern=r"[A-Za-z]{3,}",  # words, not numbers
    )
    labels = np.array(corpus.target_names)[corpus.target[order]]
    return [corpus.data[i] for i in order], labels, vectorizer
