"""Texts, word counts and images to try models on."""

import importlib.util
import re
from functools import partial
from inspect import cleandoc
from numbers import Integral, Real
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen
from warnings import warn

import numpy as np
from scipy import sparse
from sklearn.datasets import (
    fetch_20newsgroups,
    fetch_openml,
    get_data_home,
    load_digits,
)
from sklearn.utils import Bunch, check_random_state, check_scalar

__all__ = [
    "fetch_example_images",
    "fetch_example_texts",
    "load_docstrings",
    "make_topic_corpus",
]

# The sources are split at their triple quotes into code and strings, at a tenth of the
# cost of `ast.parse`, which would take half a minute for the five packages.
_DEFINITION = re.compile(r"^( *)(?:async )?(?:def|class) (\w+)", re.MULTILINE)
# The code before a string tells whether it is a docstring, ...
_ONLY_COMMENTS = re.compile(r"(\s*#.*\n)*\s*")
_SIGNATURE = re.compile(r":[ ]*(#.*)?\n(\s*#.*\n)*\s*\Z")
# ... also in the calls with which NumPy, SciPy and PyTorch document compiled functions.
_ADD_DOCSTRING = re.compile(
    r"add_(?:newdoc|docstr|docstr_all)\((?P<target>[^()]*\(?[^()]*)\Z"
)

# Tests and copies of other projects. Folders with a leading underscore hold internals,
# but for numpy._core, where the public functions of NumPy are defined.
_SKIPPED_FOLDER = re.compile(r"tests|externals|_(?!core$).*")

# A doctest runs to the next blank line; its code and output are not prose.
_DOCTEST = re.compile(r"^[ \t]*>>>.*(?:\n[ \t]*\S.*)*", re.MULTILINE)
_UNDERLINE = re.compile(r"^[ \t]*([-=~^*])\1{2,}[ \t]*$\n?", re.MULTILINE)
_WORD = re.compile(r"[^\W\d_]{2,}")


def load_docstrings(
    *, packages=("numpy", "scipy", "pandas", "sklearn", "torch"), min_words=20
):
    """Load the docstrings of installed packages, labelled by package.

    Real documents, about 10,000 of them by default, that every installation of skvae
    has at hand. The sources are read as text: nothing is imported or executed.

    Parameters
    ----------
    packages : sequence of str, default=("numpy", "scipy", "pandas", "sklearn", "torch")
        Names of installed top-level packages.
    min_words : int, default=20
        Docstrings with fewer words, of two or more letters, are left out.

    Returns
    -------
    docstrings : Bunch
        Dictionary-like object, with the attributes

        data : list of str of length n_documents
            The docstrings, without doctests and without the underlines of titles.
        target : ndarray of int of shape (n_documents,)
            The index of the package in `target_names`.
        target_names : list of str
            The packages.
        names : list of str of length n_documents
            Where each docstring is defined, such as
            ``"sklearn.decomposition._nmf.NMF.fit"``.
        DESCR : str
            A description of the data.

    Raises
    ------
    ValueError
        If a package is not installed, or no docstring is found.

    See Also
    --------
    make_topic_corpus : Counts of which the topics are known.

    Notes
    -----
    Documents are those of modules, classes, functions and methods whose own name has
    no leading underscore, in the order of `packages`, then of paths, then of lines.
    Tests, vendored projects and private subpackages are left out, and of documents
    with the same text the first is kept. The number of documents depends on the
    installed versions.

    Examples
    --------
    >>> from skvae.datasets import load_docstrings
    >>> docstrings = load_docstrings(packages=["numpy", "scipy"])
    >>> docstrings.target_names
    ['numpy', 'scipy']
    >>> len(docstrings.data) > 1000
    True
    """
    check_scalar(min_words, "min_words", Integral, min_val=0)
    folders = {package: _package_folders(package) for package in packages}
    missing = [package for package, found in folders.items() if not found]
    if missing:
        raise ValueError(
            f"load_docstrings found no package {', '.join(missing)}. Install it."
        )
    first_with = {}  # each text: its name and label
    for label, package in enumerate(folders):
        for name, docstring in _read_package(package, folders[package]):
            text = _prose(docstring)
            if len(_WORD.findall(text)) >= min_words:
                first_with.setdefault(text, (name, label))
    if not first_with:
        raise ValueError(
            f"load_docstrings found no docstring of at least {min_words} words in "
            f"the .py files of {', '.join(folders) or 'no package'}."
        )
    names, target = zip(*first_with.values())
    kinds = "modules, classes, functions and methods, labelled by package"
    return Bunch(
        data=list(first_with),
        target=np.array(target),
        target_names=list(folders),
        names=list(names),
        DESCR=f"{len(first_with)} docstrings of {kinds}: {', '.join(folders)}.",
    )


def _package_folders(package):
    """Folders of a top-level package, found without importing it."""
    # Of a dotted name, find_spec would import the parent.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    return getattr(spec, "submodule_search_locations", None) or []


def _read_package(package, folders):
    """Yield the public names and docstrings of a package, in the order of paths."""
    for folder in map(Path, folders):
        for path in sorted(folder.rglob("*.py")):
            *subpackages, stem = path.relative_to(folder).with_suffix("").parts
            if any(map(_SKIPPED_FOLDER.fullmatch, subpackages)):
                continue
            parts = [package, *subpackages] + [stem] * (stem != "__init__")
            source = path.read_text(encoding="utf-8", errors="replace")
            for name, docstring in _read_module(".".join(parts), source):
                if not name.rpartition(".")[2].startswith("_"):
                    yield name, docstring


def _read_module(module, source):
    """Yield the names and docstrings in the source code of a module."""
    definitions = []  # the open ones, outermost first: (indent, name)
    pieces = source.split('"""')
    for code, text in zip(pieces[::2], pieces[1::2], strict=False):
        for indent, name in _DEFINITION.findall(code):
            definitions = [outer for outer in definitions if outer[0] < indent]
            definitions.append((indent, name))
        code = code.rstrip("rR")  # the mark of a raw string
        if added := _ADD_DOCSTRING.search(code):
            # 'numpy._core', 'flatiter', ('base',   or   torch.abs,
            target = ".".join(re.findall(r"[\w.]+", added["target"]))
            inside = target.startswith(module.partition(".")[0] + ".")
            yield target if inside else f"{module}.{target}", text
        elif definitions and _SIGNATURE.search(code):
            yield ".".join([module, *(name for _, name in definitions)]), text
        elif not definitions and _ONLY_COMMENTS.fullmatch(code):
            yield module, text


def _prose(docstring):
    """Docstring without indentation, doctests and the underlines of titles."""
    return _UNDERLINE.sub("", _DOCTEST.sub("", cleandoc(docstring))).strip()


# ---------------------------------------------------------------------------
# Data of examples: well-known ones, or what every installation has
# ---------------------------------------------------------------------------

# A file that was encoded to go by mail: not words, but "MAX>'AX" line by line.
_UUENCODED = re.compile(r"^M[ -`]{60}$", re.MULTILINE)


def fetch_example_texts(*, data_home=None, download_if_missing=True):
    r"""Fetch texts to try topic models on: 20 newsgroups, or else docstrings.

    20 newsgroups, by :func:`sklearn.datasets.fetch_20newsgroups`, where it is cached or
    can be downloaded (14 MB, once); else the docstrings of installed packages, by
    `load_docstrings`, so that whatever is tried runs without a network too.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of scikit-learn's cache. None takes scikit-learn's own default.
    download_if_missing : bool, default=True
        False takes what is cached, or docstrings, and never asks the network.

    Returns
    -------
    texts : Bunch
        Dictionary-like object, with the attributes

        data : list of str of length n_texts
            The texts, in random order, the same each time.
        target : ndarray of int of shape (n_texts,)
            The index of the newsgroup, or of the package, in `target_names`.
        target_names : list of str
            The newsgroups, or the packages.
        DESCR : str
            A description of the data.

    Warns
    -----
    UserWarning
        If 20 newsgroups could not be downloaded.

    See Also
    --------
    load_docstrings : The docstrings alone.

    Notes
    -----
    Of 20 newsgroups, posts of the part for training are taken, without headers,
    footers and quotes of other posts. Those that hold an encoded file or fewer than ten
    words of three letters or more are left out; 10,535 of 11,314 stay.

    Examples
    --------
    >>> from skvae.datasets import fetch_example_texts
    >>> from skvae.text import TextVectorizer
    >>> texts = fetch_example_texts().data  # doctest: +SKIP
    >>> TextVectorizer().fit_transform(texts).shape  # doctest: +SKIP
    (10535, 5000)
    """
    # Do not download where a cache is broken or of another version.
    options = dict(download_if_missing=download_if_missing)
    corpus = _fetch(
        partial(fetch_20newsgroups, remove=("headers", "footers", "quotes"), **options),
        "20 newsgroups",
        cached="20news-bydate*.pkz",
        server="https://ndownloader.figshare.com",
        instead="docstrings of the installed packages",
        data_home=data_home,
        **options,
    )
    if corpus is None:
        corpus = load_docstrings()
    # Rows of both come in an order of their own.
    order = np.random.default_rng(0).permutation(len(corpus.data))
    order = [i for i in order if _is_prose(corpus.data[i])]
    return Bunch(
        data=[corpus.data[i] for i in order],
        target=corpus.target[order],
        target_names=list(corpus.target_names),
        DESCR=corpus.DESCR,
    )


def _is_prose(text):
    words = sum(len(word) > 2 for word in _WORD.findall(text))
    return words >= 10 and not _UUENCODED.search(text)


def fetch_example_images(*, data_home=None, download_if_missing=True):
    """Fetch images to try autoencoders on: MNIST, or else scikit-learn's digits.

    MNIST, 70,000 digits written by hand, by :func:`sklearn.datasets.fetch_openml` where
    it is cached or can be downloaded (15 MB, once); else the 1,797 smaller ones of
    :func:`sklearn.datasets.load_digits`, so that whatever is tried runs without a
    network too.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder of scikit-learn's cache. None takes scikit-learn's own default.
    download_if_missing : bool, default=True
        False takes what is cached, or the smaller ones, and never asks the network.

    Returns
    -------
    images : Bunch
        Dictionary-like object, with the attributes

        data : ndarray of float32 of shape (n_images, n_pixels)
            Grey values from 0 (paper) to 1 (ink), row by row.
        target : ndarray of int of shape (n_images,)
            The digits, 0 to 9.
        image_shape : tuple of int
            Height and width: (28, 28), or (8, 8).
        DESCR : str
            A description of the data.

    Warns
    -----
    UserWarning
        If MNIST could not be downloaded.

    See Also
    --------
    fetch_example_texts : Texts to try topic models on.

    Examples
    --------
    >>> from skvae.datasets import fetch_example_images
    >>> images = fetch_example_images()  # doctest: +SKIP
    >>> images.data.shape, images.image_shape  # doctest: +SKIP
    ((70000, 784), (28, 28))
    """
    images = _fetch(
        partial(
            fetch_openml, name="mnist_784", version=1, as_frame=False, parser="auto"
        ),
        "MNIST",
        cached="mnist_784*",
        server="https://api.openml.org",
        instead="scikit-learn's digits of 8 x 8 pixels",
        data_home=data_home,
        download_if_missing=download_if_missing,
    )
    largest, image_shape = 255, (28, 28)
    if images is None:
        images, largest, image_shape = load_digits(), 16, (8, 8)
    return Bunch(
        data=(images.data / largest).astype(np.float32),
        target=images.target.astype(int),
        image_shape=image_shape,
        DESCR=images.DESCR,
    )


def _fetch(fetch, what, *, cached, server, instead, data_home, download_if_missing):
    """What scikit-learn has cached or can download, or None."""
    data_home = get_data_home(data_home)
    is_cached = any(Path(data_home).rglob(cached))
    try:
        if is_cached or download_if_missing and _answers(server):
            return fetch(data_home=data_home, n_retries=1)
    except OSError:
        pass  # it answers, and does not give
    if download_if_missing:
        warn(
            f"{what} is neither cached in {data_home!r} nor to be downloaded: taking "
            f"{instead}.",
            stacklevel=3,
        )
    return None


def _answers(server):
    """Whether a server answers: some networks swallow what is sent, for minutes."""
    try:
        urlopen(server, timeout=10).close()
    except OSError as error:
        return isinstance(error, HTTPError)  # an answer, if no page
    return True


# ---------------------------------------------------------------------------
# Planted topics
# ---------------------------------------------------------------------------


def make_topic_corpus(
    n_samples=1000,
    n_features=500,
    n_components=10,
    *,
    mean_length=80,
    topic_concentration=0.1,
    word_concentration=0.05,
    random_state=None,
):
    """Draw word counts from latent Dirichlet allocation, with the topics known.

    The topics and the topic proportions of each document are drawn from symmetric
    Dirichlet distributions, the number of words from a Poisson distribution, the
    topic of each word from the proportions of its document, and the word from its
    topic.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of documents.
    n_features : int, default=500
        Number of distinct words.
    n_components : int, default=10
        Number of topics.
    mean_length : float, default=80
        Mean of the Poisson distribution of the number of words of a document. A
        document that would be empty gets one word.
    topic_concentration : float, default=0.1
        Dirichlet concentration of the topics in a document. Small: one topic each.
    word_concentration : float, default=0.05
        Dirichlet concentration of the words in a topic. Small: few words each.
    random_state : int, RandomState instance or None, default=None
        An int gives the same corpus in each call. None draws from fresh entropy, and
        not from NumPy's global generator.

    Returns
    -------
    corpus : Bunch
        Dictionary-like object, with the attributes

        data : CSR matrix of int64 of shape (n_samples, n_features)
            The count of each word in each document.
        doc_topic : ndarray of shape (n_samples, n_components)
            The topic proportions of the documents. Rows sum to 1.
        components : ndarray of shape (n_components, n_features)
            The word probabilities of the topics. Rows sum to 1.
        target : ndarray of int of shape (n_samples,)
            The topic with the largest proportion in each document.

    Raises
    ------
    TypeError, ValueError
        If a size is not an int of at least 1, or another number is not positive.

    See Also
    --------
    load_docstrings : Texts of people.
    skvae.metrics.topic_similarity : How much topics found are like those planted.

    References
    ----------
    Blei, D. M., Ng, A. Y. and Jordan, M. I. (2003). "Latent Dirichlet allocation".
    Journal of Machine Learning Research, 3, 993-1022.
    https://www.jmlr.org/papers/v3/blei03a.html

    Examples
    --------
    >>> from skvae.datasets import make_topic_corpus
    >>> corpus = make_topic_corpus(n_samples=100, n_features=50, random_state=0)
    >>> corpus.data.shape, corpus.doc_topic.shape, corpus.components.shape
    ((100, 50), (100, 10), (10, 50))
    """
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_scalar(n_features, "n_features", Integral, min_val=1)
    check_scalar(n_components, "n_components", Integral, min_val=1)
    positive = {"min_val": 0, "include_boundaries": "neither"}
    check_scalar(mean_length, "mean_length", Real, **positive)
    check_scalar(topic_concentration, "topic_concentration", Real, **positive)
    check_scalar(word_concentration, "word_concentration", Real, **positive)

    seed = None
    if random_state is not None:
        seed = check_random_state(random_state).randint(2**32, size=4, dtype=np.uint32)
    rng = np.random.default_rng(seed)

    components = rng.dirichlet(np.full(n_features, word_concentration), n_components)
    doc_topic = rng.dirichlet(np.full(n_components, topic_concentration), n_samples)
    lengths = np.maximum(rng.poisson(mean_length, n_samples), 1)
    words_per_topic = rng.multinomial(lengths, doc_topic)

    # Word by word, the memory is that of the corpus, not n_samples times n_features.
    documents, words = [], []
    for topic, n_words in zip(components, words_per_topic.T):
        documents.append(np.repeat(np.arange(n_samples), n_words))
        words.append(rng.choice(n_features, size=n_words.sum(), p=topic))
    places = np.concatenate(documents), np.concatenate(words)
    ones = np.ones(len(places[0]), dtype=np.int64)
    data = sparse.csr_matrix((ones, places), shape=(n_samples, n_features))
    return Bunch(
        data=data,
        doc_topic=doc_topic,
        components=components,
        target=doc_topic.argmax(axis=1),
    )
