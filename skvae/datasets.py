"""Texts, word counts and images to try models on."""

import codecs
import importlib.util
import json
import re
from functools import partial
from inspect import cleandoc
from io import StringIO
from numbers import Integral, Real
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen
from warnings import warn

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.datasets import (
    fetch_20newsgroups,
    fetch_openml,
    get_data_home,
    load_digits,
)
from sklearn.utils import Bunch, check_random_state, check_scalar

from skvae.utils.files import check_plain
from skvae.utils.text import encodable

__all__ = [
    "fetch_example_images",
    "fetch_example_texts",
    "load_docstrings",
    "load_texts",
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
_SKIPPED_FOLDERS = {"tests", "externals"}
_KEPT_PRIVATE_FOLDERS = {"_core"}

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
    load_texts : Texts of your own.
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
            f"load_docstrings found no installed package named {', '.join(missing)}. "
            "Install it, or name other packages with packages=[...]."
        )
    names, data, target = [], [], []
    seen = set()
    for label, (package, found) in enumerate(folders.items()):
        for name, docstring in _read_package(package, found):
            text = _prose(docstring)
            if text not in seen and len(_WORD.findall(text)) >= min_words:
                seen.add(text)
                names.append(name)
                data.append(text)
                target.append(label)
    if not data:
        raise ValueError(
            f"load_docstrings found no docstring of at least {min_words} words in "
            f"the .py files of {', '.join(folders) or 'no package'}."
        )
    return Bunch(
        data=data,
        target=np.array(target),
        target_names=list(folders),
        names=names,
        DESCR=(
            f"{len(data)} docstrings of modules, classes, functions and methods, "
            f"labelled by package: {', '.join(folders)}."
        ),
    )


def _package_folders(package):
    """Folders of a top-level package, found without importing it."""
    # Of a dotted name, find_spec would import the parent.
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    return [] if spec is None else list(spec.submodule_search_locations or [])


def _read_package(package, folders):
    """Yield the public names and docstrings of a package, in the order of paths."""
    for folder in map(Path, folders):
        for path in sorted(folder.rglob("*.py")):
            *subpackages, stem = path.relative_to(folder).with_suffix("").parts
            if any(_is_skipped(subpackage) for subpackage in subpackages):
                continue
            parts = [package, *subpackages] + [stem] * (stem != "__init__")
            source = path.read_text(encoding="utf-8", errors="replace")
            for name, docstring in _read_module(".".join(parts), source):
                if not name.rpartition(".")[2].startswith("_"):
                    yield name, docstring


def _is_skipped(folder):
    private = folder.startswith("_") and folder not in _KEPT_PRIVATE_FOLDERS
    return private or folder in _SKIPPED_FOLDERS


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
    load_texts : Texts of your own.

    Notes
    -----
    Of 20 newsgroups, posts of the part for training are taken, without headers,
    footers and quotes of other posts. Those that hold an encoded file or fewer than ten
    words of three letters or more are left out; 10,535 of 11,314 stay.

    Examples
    --------
    Topics read well where they are found in words of letters alone, not the "don" of
    "don't", that are neither in more than a tenth of the texts nor in fewer than ten.

    >>> from sklearn.feature_extraction.text import CountVectorizer
    >>> from skvae.datasets import fetch_example_texts
    >>> vectorizer = CountVectorizer(
    ...     stop_words="english",
    ...     token_pattern=r"\b[^\W\d_]{3,}\b(?!['’]t)",
    ...     max_df=0.1,
    ...     min_df=10,
    ...     max_features=2000,
    ... )
    >>> texts = fetch_example_texts().data  # doctest: +SKIP
    >>> vectorizer.fit_transform(texts).shape  # doctest: +SKIP
    (10535, 2000)
    """
    corpus = _fetch(
        # What is cached may be broken, or of another version.
        partial(fetch_20newsgroups, download_if_missing=download_if_missing),
        "20 newsgroups",
        cached="20news-bydate*.pkz",
        server="https://ndownloader.figshare.com",
        instead="docstrings of the installed packages",
        data_home=data_home,
        download_if_missing=download_if_missing,
        remove=("headers", "footers", "quotes"),
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
        fetch_openml,
        "MNIST",
        cached="mnist_784*",
        server="https://api.openml.org",
        instead="scikit-learn's digits of 8 x 8 pixels",
        data_home=data_home,
        download_if_missing=download_if_missing,
        name="mnist_784",
        version=1,
        as_frame=False,
        parser="auto",
    )
    largest, image_shape = 255, (28, 28)
    if images is None:
        images = load_digits()
        largest, image_shape = 16, (8, 8)
    return Bunch(
        data=(images.data / largest).astype(np.float32),
        target=images.target.astype(int),
        image_shape=image_shape,
        DESCR=images.DESCR,
    )


def _fetch(
    fetch, what, *, cached, server, instead, data_home, download_if_missing, **params
):
    """What scikit-learn has cached or can download, or None."""
    data_home = get_data_home(data_home)
    is_cached = any(Path(data_home).rglob(cached))
    try:
        if is_cached or download_if_missing and _answers(server):
            return fetch(data_home=data_home, n_retries=1, **params)
    except OSError:
        pass  # it answers, and does not give
    if download_if_missing:
        warn(
            f"{what} is neither cached in {data_home!r} nor to be downloaded: taking "
            f"{instead}.",
            UserWarning,
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
# Texts in files
# ---------------------------------------------------------------------------

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = {".jsonl", ".ndjson", ".json-lines"}
# That of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def load_texts(path, *, text_column=None, encoding="utf-8"):
    r"""Load texts from a folder, a table or a text file.

    Parameters
    ----------
    path : str or path-like
        One of

        - a folder: each .txt file in it, at any depth, is a text. Links to files and
          folders are followed, but for those to a folder that they lie in; names that
          begin with a dot are hidden, and left out;
        - a .csv or .tsv file: each row after the first, which names the columns, is a
          text. Rows may lack their last fields;
        - a .jsonl, .ndjson or .json-lines file: each line, an object, is a text;
        - a .txt file: each line is a text.
    text_column : str, default=None
        The column of a table that holds the texts. None takes the only column of
        strings.
    encoding : str, default="utf-8"
        Encoding of the files, but for those that begin with a byte order mark, which
        tells it. Bytes that do not decode become U+FFFD, so that one broken file does
        not stop the reading of the others; so do NUL characters of tables, and halves
        of surrogate pairs in JSON.

    Returns
    -------
    texts : Bunch
        Dictionary-like object, with the attributes

        data : list of str of length n_texts
            The texts, as they are written: of a column that holds "007" too. Those of
            lines are stripped. Empty and blank ones are left out.
        filenames : list of str of length n_texts
            Of a folder only: the file of each text, in sorted order.
        target : ndarray of int of shape (n_texts,)
            Of a folder only, and if each text lies in a subfolder: the index in
            `target_names` of the first-level one.
        target_names : list of str
            With `target`: the sorted names of the first-level subfolders.
        frame : DataFrame of shape (n_texts, n_columns)
            Of a table only: the rows of the texts, with all the columns. Numbers are
            numbers, but for those of the texts.

    Raises
    ------
    FileNotFoundError
        If `path` does not exist, or a link to a folder or text in it leads nowhere.
    OSError
        If `path` is a pipe or a device.
    TypeError
        If `text_column` is not a string.
    ValueError
        If the kind of file is unknown, a row has more fields than the first one, a
        quote is not closed, a line is no JSON object, or a text in JSON no string; if
        the table has not exactly one column `text_column`, or of strings if that is
        None; or if there is no text.

    See Also
    --------
    load_docstrings : Texts that are already on the disk.
    sklearn.datasets.load_files : Folders whose names are classes.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from skvae.datasets import load_texts
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "reviews.csv")
    ...     _ = path.write_text("stars,review\n5,Good food\n1,Cold soup\n")
    ...     texts = load_texts(path)
    >>> texts.data
    ['Good food', 'Cold soup']
    >>> texts.frame["stars"].tolist()
    [5, 1]
    """
    if text_column is not None:
        check_scalar(text_column, "text_column", str)
    path = Path(path).expanduser()
    suffix = path.suffix.lower()
    if not path.exists():
        raise FileNotFoundError(f"load_texts found no file or folder {str(path)!r}.")
    if path.is_dir():
        texts, sought = _read_folder(path, encoding), "a .txt file that is not blank"
    elif suffix in _JSON_LINES or suffix in _SEPARATORS:
        texts = _read_table(path, text_column, encoding)
        sought = "a row with a text that is not blank"
    elif suffix == ".txt":
        with _open(path, encoding) as lines:
            texts = Bunch(data=[line.strip() for line in lines if line.strip()])
        sought = "a line that is not blank"
    else:
        raise ValueError(
            f"load_texts cannot read {str(path)!r}. Pass a folder of .txt files, or a "
            f"{', '.join([*_SEPARATORS, *sorted(_JSON_LINES)])} or .txt file."
        )
    if not texts.data:
        raise ValueError(
            f"load_texts found nothing in {str(path)!r}: it looked for {sought}."
        )
    return texts


def _open(path, encoding, newline=None):
    """A file of text, whose byte order mark goes before `encoding`."""
    check_plain(path)  # a pipe has nothing to go back to
    with path.open("rb") as file:
        start = file.read(4)
    for mark, marked in _BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            encoding = marked
            break
    return path.open(encoding=encoding, errors="replace", newline=newline)


def _read_folder(folder, encoding):
    """Texts of the .txt files, labelled by first-level subfolder if all lie in one."""
    data, filenames, labels = [], [], []
    for path in _text_files(folder):
        with _open(path, encoding) as file:
            text = file.read()
        if text.strip():
            data.append(text)
            filenames.append(str(path))
            labels.append(path.relative_to(folder).parts[:-1][:1])
    texts = Bunch(data=data, filenames=filenames)
    if data and all(labels):
        names, target = np.unique(labels, return_inverse=True)
        texts.update(target=target.ravel(), target_names=names.tolist())
    return texts


def _text_files(folder, above=()):
    """Yield the .txt files in a folder, sorted, those behind links too."""
    above = (*above, folder.resolve())
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        if not path.exists() and path.suffix.lower() in ("", ".txt"):
            raise FileNotFoundError(
                f"load_texts found the link {str(path)!r}, which leads nowhere. Remove "
                "it, or restore what it leads to."
            )
        if path.is_dir():
            if path.resolve() not in above:  # else it would go round for ever
                yield from _text_files(path, above)
        elif path.is_file() and path.suffix.lower() == ".txt":
            yield path


def _read_table(path, text_column, encoding):
    """Texts of a column of a table, with the rows that hold them."""
    suffix = path.suffix.lower()
    if suffix in _JSON_LINES:
        frame, written = _read_json_lines(path, encoding)
    else:
        frame, written = _read_separated(path, encoding, _SEPARATORS[suffix])
    if frame.empty:
        return Bunch(data=[], frame=frame)

    names = written.columns.tolist()
    if text_column is None:
        kind = "of strings"
        inferred = [
            pd.api.types.infer_dtype(frame[column], skipna=True) for column in frame
        ]
        found = [place for place, of in enumerate(inferred) if of == "string"]
    else:
        kind = f"named {text_column!r}"
        found = [place for place, name in enumerate(names) if name == text_column]
    if len(found) != 1:
        raise ValueError(
            f"{str(path)!r} has {len(found)} columns {kind}, not one. Pass "
            f"text_column=, one of its columns {names}."
        )
    (place,) = found
    texts = written.iloc[:, place]
    for number, value in texts[texts.notna()].items():
        if not isinstance(value, str):
            raise ValueError(
                f"Line {number} of {str(path)!r} has no string in column "
                f"{names[place]!r}, but a {type(value).__name__}. Write texts as "
                "strings."
            )
    kept = (texts.notna() & (texts.str.strip() != "")).to_numpy()
    frame[frame.columns[place]] = texts.infer_objects()
    return Bunch(data=texts[kept].tolist(), frame=frame[kept].reset_index(drop=True))


def _read_separated(path, encoding, separator):
    """A table of separated values, as pandas takes it and as it is written."""
    with _open(path, encoding, newline="") as file:
        # Older pandas ends a field at a NUL.
        text = file.read().replace("\0", "\ufffd")
    options = dict(
        sep=separator,
        # The words "None", "null" and "NA" are texts as well; only "" is missing.
        keep_default_na=False,
        na_values=[""],
        low_memory=False,
    )
    try:
        # With a header, pandas would take a field too many for an index.
        written = pd.read_csv(StringIO(text), header=None, dtype=str, **options)
    except pd.errors.EmptyDataError:
        return pd.DataFrame(), pd.DataFrame()
    except pd.errors.ParserError as error:
        reason = str(error).rpartition("C error: ")[2].strip()
        raise ValueError(
            f"load_texts cannot read {str(path)!r}: {reason}. Put a field "
            f"that holds {separator!r}, a double quote or a line break between double "
            "quotes, and write double quotes within it twice."
        ) from error
    frame = pd.read_csv(StringIO(text), index_col=False, **options)
    written, names = written[1:], written.iloc[0].fillna("")
    return frame, written.set_axis(frame.index).set_axis(names, axis=1)


def _read_json_lines(path, encoding):
    """A table of JSON objects, by their lines, as pandas takes it and as it is."""
    rows = {}
    with _open(path, encoding) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                if not isinstance(row, dict):
                    raise ValueError(f"it holds a {type(row).__name__}")
            except (ValueError, RecursionError) as error:
                reason = getattr(error, "msg", error)  # without places in the line
                raise ValueError(
                    f"load_texts cannot read line {number} of {str(path)!r}: {reason}. "
                    'Each line has to be a JSON object, such as {"text": "Good food"}.'
                ) from error
            rows[number] = {key: encodable(value) for key, value in row.items()}
    # Not pd.read_json, which would turn "2020" into a number or a date.
    return tuple(
        pd.DataFrame(list(rows.values()), index=list(rows), dtype=dtype)
        for dtype in (None, object)
    )


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
    documents = np.concatenate(
        [np.repeat(np.arange(n_samples), counts) for counts in words_per_topic.T]
    )
    words = np.concatenate(
        [
            rng.choice(n_features, size=size, p=topic)
            for size, topic in zip(words_per_topic.sum(axis=0), components, strict=True)
        ]
    )
    data = sparse.csr_matrix(
        (np.ones(len(words), dtype=np.int64), (documents, words)),
        shape=(n_samples, n_features),
    )
    return Bunch(
        data=data,
        doc_topic=doc_topic,
        components=components,
        target=doc_topic.argmax(axis=1),
    )
