"""Data in parts: matrices on disk, and streams of chunks."""

import json
import pickle
import tracemalloc
from functools import partial

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from helpers import MODELS, digest, make, through_joblib
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.model_selection import GridSearchCV

from skvae import GSMTopicModel, NVDMTopicModel, VAETransformer
from skvae.metrics import npmi_coherence
from skvae.shards import INDEX, Shards, file_of, write_shards
from skvae.training.net import Stream, derive_seed


@pytest.fixture(scope="module")
def X(corpus):
    return sp.csr_array(corpus.data)


def in_shards(X, folder):
    """In shards of 70 rows and a last one of 20."""
    return write_shards((X[i : i + 70] for i in range(0, 300, 70)), folder / "shards")


@pytest.fixture
def shards(X, tmp_path):
    return in_shards(X, tmp_path)


def assert_same(a, b):
    assert a.shape == b.shape and a.dtype == b.dtype
    np.testing.assert_array_equal(a.toarray(), b.toarray())


# --- a matrix on disk -------------------------------------------------------------


def test_shards_are_the_matrix(X, shards):
    assert (shards.shape, shards.dtype, shards.nnz) == (X.shape, X.dtype, X.nnz)
    assert len(shards) == 300 and shards.ndim == 2
    assert_same(sp.vstack(list(shards.parts()), format="csr"), X)
    assert "300 x 40 of int64" in repr(shards) and "5 parts" in repr(shards)


SLICES = [slice(None), slice(60, 150), slice(290, 20, -7), slice(5, 5)]
LISTS = [[3], [299, 0, 70, 69, 140, 0], [-1, -300], [], np.arange(300) % 3 == 0]


@pytest.mark.parametrize("rows", [*SLICES, *LISTS, 7, np.int64(250)], ids=str)
def test_rows_are_those_of_the_matrix(rows, X, shards):
    expected = X[[rows] if isinstance(rows, int | np.integer) else rows]
    assert_same(shards[rows], expected)
    assert_same(shards[rows, :], expected)
    assert_same(shards[rows, ...], expected)


def test_rows_in_random_order_are_those_of_the_matrix(X, shards, rng):
    rows = rng.integers(300, size=1000)
    assert_same(shards[rows], X[rows])


@pytest.mark.parametrize(
    "rows", [[300], [-301], [0.5], [[1, 2]], np.ones(3, bool), (0, 1), "a"], ids=str
)
def test_no_other_rows(rows, shards):
    with pytest.raises(IndexError, match="rows|mask"):
        shards[rows]


@pytest.mark.parametrize(
    "cls, params",
    [
        *((cls, {}) for cls in MODELS),
        *((cls, {"early_stopping": True}) for cls in (GSMTopicModel, VAETransformer)),
        *(
            (VAETransformer, {"likelihood": kind})
            for kind in ("multinomial", "bernoulli")
        ),
        (VAETransformer, {"denoising": 0.3}),
    ],
)
def test_models_take_them_for_the_matrix(cls, params, X, tmp_path):
    X = X.minimum(1) if params.get("likelihood") == "bernoulli" else X
    shards = in_shards(X, tmp_path)
    model, same = (make(cls, batch_size=50, **params).fit(Z) for Z in (X, shards))
    assert digest(same) == digest(model)
    assert same.n_features_in_ == 40
    np.testing.assert_equal(same.health_, model.health_)
    np.testing.assert_array_equal(same.transform(shards), model.transform(X))
    np.testing.assert_array_equal(same.score_samples(shards), model.score_samples(X))
    for a, b in zip(same.posterior(shards), model.posterior(X)):
        np.testing.assert_array_equal(a, b)
    assert same.score(shards) == model.score(X)
    assert digest(same.partial_fit(shards)) == digest(model.partial_fit(X))


@pytest.mark.slow
def test_a_search_takes_them(X, shards):
    searches = [
        GridSearchCV(make(NVDMTopicModel), {"n_components": [2, 3]}, cv=3).fit(Z)
        for Z in (X, shards)
    ]
    a, b = (search.cv_results_["mean_test_score"] for search in searches)
    np.testing.assert_array_equal(a, b)


def test_training_holds_a_batch_and_not_the_matrix(tmp_path, monkeypatch):
    monkeypatch.setattr("skvae.models.inference.BLOCK_SIZE", 2**16)
    monkeypatch.setattr("skvae.models.base.MAX_HEALTH_ROWS", 500)
    chunk = sp.random_array((4000, 300), density=0.1, rng=0, format="csr")
    folder = write_shards([chunk] * 16, tmp_path / "shards").folder
    size = sum(path.stat().st_size for path in folder.iterdir())
    params = dict(batch_size=1024, max_epochs=1)
    make(NVDMTopicModel, **params).fit(chunk)  # what a first fit leaves behind
    tracemalloc.start()
    try:
        shards = Shards(folder)
        _, opened = tracemalloc.get_traced_memory()
        model = make(NVDMTopicModel, **params).fit(shards)
        model.transform(shards)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size > 20e6 and opened < 0.02 * size and peak < 0.3 * size


def test_pickled_is_the_path(X, shards):
    for copy in (pickle.loads(pickle.dumps(shards)), through_joblib(shards)):
        assert_same(copy[:], X)
    assert len(pickle.dumps(shards)) < 1000


@pytest.mark.parametrize(
    "kind", [sp.csr_matrix, sp.coo_array, sp.csc_array, sp.csr_array.toarray]
)
def test_any_container_can_be_written(kind, X, tmp_path):
    chunk = kind(X)
    assert_same(write_shards([chunk, chunk], tmp_path / "a")[:300], X)


def test_what_is_written_is_canonical(tmp_path):
    rows = sp.csr_array(([1, 2, 0, 3], [4, 1, 0, 4], [0, 4, 4]), shape=(2, 5))
    (part,) = write_shards([rows], tmp_path / "a").parts()
    np.testing.assert_array_equal(part.indices, [1, 4])
    np.testing.assert_array_equal(part.data, [2, 4])


def test_chunks_without_rows_are_left_out(X, tmp_path):
    shards = write_shards([X[:0], X[:5], X[:0], X[5:9]], tmp_path / "a")
    assert_same(shards[:], X[:9])


def interrupted(X):
    yield X[:5]
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("chunks", "error", "message"),
    [
        (lambda X: [], ValueError, "no rows"),
        (lambda X: [X[:0]], ValueError, "no rows"),
        (lambda X: [X, X[:, :30]], ValueError, "Chunk 1 has 30 features, .* 40"),
        (lambda X: [X, X * 0.5], TypeError, "Chunk 1 holds float64, .* int64"),
        (lambda X: [X, X * np.nan], ValueError, "NaN"),
        (lambda X: [["a text"]], ValueError, "array|string"),
        (interrupted, KeyboardInterrupt, None),
    ],
)
def test_a_writing_that_fails_leaves_nothing(chunks, error, message, X, tmp_path):
    with pytest.raises(error, match=message):
        write_shards(chunks(X), tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(X, shards):
    before = sorted(path.read_bytes() for path in shards.folder.iterdir())
    with pytest.raises(FileExistsError, match="exists"):
        write_shards(iter([X]), shards.folder)
    assert sorted(path.read_bytes() for path in shards.folder.iterdir()) == before


def test_a_full_disk_leaves_nothing(X, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OSError, match="No space"):
        write_shards([X], tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def damage_array(folder, name, place, value):
    path = file_of(folder, 2, name)
    array = np.load(path)
    array[place] = value
    np.save(path, array)


def damage_index(folder, **changes):
    path = folder / INDEX
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def replace_part(change, name="data"):
    """Damage by what takes the place of a part, written from its array."""

    def damage(folder):
        path = file_of(folder, 1, name)
        array = np.load(path)
        path.unlink()
        change(path, array)

    return damage


def truncated(path, array):
    np.save(path, array)
    path.write_bytes(path.read_bytes()[:-100])


INDICES = ["", "[]", "{}", "null", '{"format": 1}', "\0"]
LENGTHS = [], 70, [70, 71, 70, 70, 20], [70, 70, 70, 70, 20, 1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / INDEX).unlink(),
        *(
            lambda folder, text=text: (folder / INDEX).write_text(text)
            for text in INDICES
        ),
        lambda folder: damage_index(folder, format=2),
        lambda folder: damage_index(folder, dtype="int32"),
        lambda folder: damage_index(folder, n_features=None),
        *(partial(damage_index, n_rows=n_rows) for n_rows in LENGTHS),
        lambda folder: file_of(folder, 1, "data").unlink(),
        lambda folder: file_of(folder, 1, "data").write_bytes(b""),
        lambda folder: file_of(folder, 1, "data").write_bytes(b"PK\x03\x04"),
        lambda folder: np.save(file_of(folder, 1, "data"), [1, 2]),
        lambda folder: np.save(file_of(folder, 1, "indptr"), [1, 2]),
        lambda folder: damage_array(folder, "indptr", 5, 10**6),
        lambda folder: damage_array(folder, "indptr", 5, -1),
        lambda folder: damage_array(folder, "indptr", -1, 10**6),
        *(
            replace_part(change, name)
            for name in ("data", "indices", "indptr")
            for change in (
                lambda path, array: np.save(path, array[:-1]),
                lambda path, array: np.save(path, array[:, None]),
                truncated,
            )
        ),
    ],
)
def test_a_damaged_folder_is_told_when_it_is_opened(damage, shards):
    damage(shards.folder)
    with pytest.raises(ValueError, match="holds no shards that this version"):
        Shards(shards.folder)


def test_what_is_as_wide_as_can_be_is_read_again(tmp_path):
    row = sp.csr_array(([1], ([0], [2**31 - 2])), shape=(1, 2**31 - 1))
    read = write_shards([row], tmp_path / "a")[:]
    assert read.shape == row.shape and read.indices == row.indices


@pytest.mark.parametrize("value", [10**6, -1, 40])
def test_columns_out_of_range_are_told_by_all_that_reads_them(value, X, shards):
    """The first one beyond the others too: else it is another number of the input."""
    model = make(NVDMTopicModel, max_epochs=1).fit(X)
    damage_array(shards.folder, "indices", 5, value)
    damaged = Shards(shards.folder)
    row = damaged._ends[1] + np.searchsorted(damaged._parts[2].indptr, 5, "right") - 1
    for read in (
        make(NVDMTopicModel).fit,
        model.partial_fit,
        model.transform,
        model.score,
        lambda X: X[:],
        lambda X: X[row],
        lambda X: X[[row, 0]],
        lambda X: X[np.arange(len(X)) == row],
    ):
        with pytest.raises(ValueError, match="is damaged"):
            read(damaged)
    assert_same(damaged[:row], X[:row])  # what is sound


def test_input_is_checked_in_every_shard(X, tmp_path, shards):
    bad = X.copy()
    bad.data[-1] = -1
    negative = write_shards([X, bad], tmp_path / "negative")
    model = make(GSMTopicModel)
    with pytest.raises(ValueError, match="Negative values"):
        model.fit(negative)
    assert not hasattr(model, "net_")
    with pytest.raises(ValueError, match="40 features.* 30 features"):
        make(GSMTopicModel).fit(X[:, :30]).transform(shards)
    empty = write_shards([X * 0], tmp_path / "empty")
    with pytest.raises(ValueError, match="no counts"):
        make(GSMTopicModel).fit(empty)


def test_what_would_need_all_of_it_says_so(X, shards):
    with pytest.raises(TypeError, match="Take some rows"):
        np.asarray(shards)
    model = make(GSMTopicModel).fit(X)
    with pytest.raises(TypeError, match="Take some rows"):
        npmi_coherence(model, shards)


# --- a stream of chunks -----------------------------------------------------------


def test_partial_fit_over_chunks_is_fit_on_the_same_batches(rng):
    """Of a plain autoencoder, where nothing is drawn but the order of rows."""
    values = rng.normal(size=(16, 5))
    # Moments, from which weights start, are the same in each chunk.
    chunks = [rng.permuted(values, axis=0) for _ in range(6)]
    params = dict(variational=False, batch_norm=False, batch_size=16)
    params["linear_path"] = False  # which starts from more than moments
    seed = make(VAETransformer, **params).fit(values).net_.seed
    generator = torch.Generator()
    generator.manual_seed(derive_seed(seed, Stream.SHUFFLE, 1))
    X = np.empty((96, 5))
    X[torch.randperm(96, generator=generator).numpy()] = np.vstack(chunks)

    whole = make(VAETransformer, max_epochs=1, **params).fit(X)
    stream = make(VAETransformer, max_epochs=6, **params)
    for chunk in chunks:
        stream.partial_fit(chunk)
    np.testing.assert_allclose(
        stream.transform(values), whole.transform(values), rtol=1e-4, atol=1e-5
    )
    losses = stream.history_["loss"]
    assert losses.mean() == pytest.approx(whole.history_["loss"].item(), rel=1e-5)


def test_a_stream_of_hashed_texts_trains(corpus):
    words = [f"word{i}" for i in range(40)]
    texts = [" ".join(np.repeat(words, row)) for row in corpus.data.toarray()]
    hashing = HashingVectorizer(n_features=2**8, norm=None, alternate_sign=False)
    make_gsm = partial(make, GSMTopicModel, n_components=3, lr=0.04, batch_size=25)
    model = make_gsm(max_epochs=30)
    for _ in range(10):
        for start in range(0, 300, 100):
            model.partial_fit(hashing.transform(texts[start : start + 100]))
    X = hashing.transform(texts)
    health = make_gsm(max_epochs=10).fit(X).health_
    assert model.n_iter_ == 30
    assert model.perplexity(X) < 0.9 * health["unigram_perplexity"]
    assert model.perplexity(X) == pytest.approx(health["perplexity"], rel=0.05)
