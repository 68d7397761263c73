"""Counts as sparse matrices in one canonical form: checked and summed up."""

import numpy as np
from scipy.sparse import csr_array
from sklearn.utils import check_array

from skvae.utils.validation import canonical_csr, contains_words


def check_csr(X, name="X"):
    """Check X, in any container, and return it as canonical CSR of float64.

    The result may share its arrays with X: do not write to them.
    """
    if contains_words(X):
        raise ValueError(
            f"{name} must hold word counts, but holds texts. Pass "
            "vectorizer.transform(texts), or the Pipeline that counts them as the "
            "model."
        )
    X = check_array(X, accept_sparse="csr", input_name=name)
    return canonical_csr(csr_array(X, dtype=np.float64))


def check_counts(X, name="X"):
    """Check that X holds counts, and return it as `check_csr` does."""
    counts = check_csr(X, name)
    wrong = (counts.data < 0) | (counts.data % 1 != 0)
    if wrong.any():
        raise ValueError(
            f"{name} must hold word counts, but has the entry "
            f"{counts.data[wrong][0]:g}. Pass counts, as CountVectorizer makes them, "
            "not frequencies or tf-idf."
        )
    return counts
