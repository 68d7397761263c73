"""Model files: round trips, what cannot be saved, faults while writing, bad files."""

import errno
import hashlib
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import textwrap
import tracemalloc
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
import torch
from helpers import through_joblib
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import Pipeline
from skorch.callbacks import Callback

import skvae
from skvae import (
    GSMTopicModel,
    ModelFileError,
    NVDMTopicModel,
    ProdLDATopicModel,
    VAETransformer,
)
from skvae.persistence import BEGINNING, CLASSES, FORMAT, NO_CHECKSUM

SMALL = dict(
    n_components=2,
    hidden_layer_sizes=(4,),
    max_epochs=3,
    batch_size=20,
    device="cpu",
    random_state=0,
)
WORDS = [f"w\N{LATIN SMALL LETTER E WITH ACUTE}{j}" for j in range(9)]
IMAGE = dict(architecture="conv", image_shape=(3, 3), channels=(3, 2))

MODELS = {
    "NVDM": NVDMTopicModel(**SMALL),
    "NVDM linear": NVDMTopicModel(**{**SMALL, "hidden_layer_sizes": ()}),
    "NVDM numpy": NVDMTopicModel(**{**SMALL, "n_components": np.int64(3)}),
    "GSM": GSMTopicModel(**SMALL, early_stopping=True, validation_fraction=0.3),
    "GSM one": GSMTopicModel(**{**SMALL, "n_components": 1}),
    "GSM sticks": GSMTopicModel(**SMALL, topic_construction="stick-breaking"),
    "GSM recurrent": GSMTopicModel(**SMALL, topic_construction="recurrent"),
    "GSM vectors": GSMTopicModel(
        **SMALL,
        word_embeddings=np.random.default_rng(0).normal(size=(9, 5)),
        train_word_embeddings=False,
    ),
    "GSM seeds": GSMTopicModel(
        **SMALL,
        seed_words={"space": (WORDS[3],)},
        feature_names=np.array(WORDS, object),
    ),
    "ProdLDA": ProdLDATopicModel(**SMALL, dropout=0.2),
    "VAE": VAETransformer(**SMALL),
    "VAE features": VAETransformer(**SMALL, scale="per-feature", denoising=0.5),
    "VAE scale": VAETransformer(**SMALL, scale=2),
    "VAE scales": VAETransformer(**SMALL, scale=np.arange(1.0, 10)),
    "VAE plain": VAETransformer(**SMALL, variational=False, batch_norm=False),
    "VAE linear": VAETransformer(
        **{**SMALL, "hidden_layer_sizes": ()}, likelihood="multinomial", center=False
    ),
    "VAE images": VAETransformer(**SMALL, **IMAGE, likelihood="bernoulli"),
    "VAE no mapping": VAETransformer(**{**SMALL, "hidden_layer_sizes": [4, 3]}),
}
each_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(scope="module")
def X():
    counts = np.random.default_rng(0).poisson(0.7, (40, 9)).clip(max=1)
    return pd.DataFrame(counts, columns=WORDS)


@pytest.fixture(scope="module")
def fitted(X):
    """Fitted models, not to be changed."""
    return {name: clone(model).fit(X) for name, model in MODELS.items()}


@pytest.fixture(scope="module")
def files(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    paths = {name: folder / f"{name}.safetensors" for name in fitted}
    for name, path in paths.items():
        assert fitted[name].save(path) is None
    return paths


def assert_equal(a, b):
    """Equal in type and in every bit, through all containers."""
    if isinstance(a, np.generic):
        a = a.item()
    if isinstance(b, np.generic):
        b = b.item()
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_equal(a[key], b[key])
    elif isinstance(a, tuple | list):
        assert len(a) == len(b)
        for pair in zip(a, b, strict=True):
            assert_equal(*pair)
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    else:
        assert a == b


# --- round trips ------------------------------------------------------------------


@each_model
def test_a_loaded_model_is_the_one_that_was_saved(name, fitted, files, X):
    model, loaded = fitted[name], skvae.load(files[name])
    assert_equal(loaded.__getstate__(), model.__getstate__())
    pd.testing.assert_frame_equal(loaded.history_, model.history_)
    codes = model.transform(X)
    for method, given in [
        ("transform", X),
        ("score_samples", X),
        ("inverse_transform", codes),
    ]:
        ours, theirs = getattr(loaded, method)(given), getattr(model, method)(given)
        np.testing.assert_array_equal(ours, theirs)
    assert list(loaded.get_feature_names_out()) == list(model.get_feature_names_out())


@pytest.mark.parametrize("go_on", ["partial_fit", "warm start", "anew"])
@each_model
def test_a_loaded_model_trains_on_as_if_never_saved(name, go_on, fitted, files, X):
    model, loaded = pickle.loads(pickle.dumps(fitted[name])), skvae.load(files[name])
    for one in (model, loaded):
        if go_on == "partial_fit":
            one.partial_fit(X).partial_fit(X)
        else:
            one.set_params(warm_start=go_on == "warm start").fit(X)
    a, b = loaded.__getstate__(), model.__getstate__()
    for state in (a, b):
        for row in state["net_"]["history"]:
            row.pop("dur")
    assert_equal(a, b)


@each_model
def test_saving_changes_nothing_and_repeats_in_every_byte(name, fitted, files):
    model = fitted[name]
    before, pickled = dict(vars(model)), pickle.dumps(model)
    again = files[name].with_suffix(".again")
    model.save(again)
    assert again.read_bytes() == files[name].read_bytes()
    assert vars(model) == before and pickle.dumps(model) == pickled
    skvae.load(files[name]).save(again)
    assert again.read_bytes() == files[name].read_bytes()


def test_words_with_vectors_are_saved_as_an_array(X, tmp_path):
    rng = np.random.default_rng(0)
    vectors = {word: rng.normal(size=4) for word in [*WORDS[::-1], "another"]}
    model = GSMTopicModel(**SMALL, word_embeddings=vectors).fit(X)
    model.save(tmp_path / "model")
    assert model.word_embeddings is vectors
    loaded = skvae.load(tmp_path / "model")
    np.testing.assert_array_equal(
        loaded.word_embeddings, [vectors[word] for word in WORDS]
    )
    assert loaded.n_matched_words_ == 9
    anew = clone(loaded).fit(X)  # the start of training is the same
    np.testing.assert_array_equal(anew.components_, model.components_)


def test_parameters_of_the_next_fit_are_saved_as_well(X, tmp_path, fitted):
    model = clone(MODELS["NVDM"]).fit(X)
    model.set_params(n_components=5, lr=0.5, random_state=None, verbose=True)
    model.save(tmp_path / "model")
    loaded = skvae.load(tmp_path / "model")
    assert loaded.get_params() == model.get_params()
    np.testing.assert_array_equal(loaded.transform(X), fitted["NVDM"].transform(X))


def test_output_as_a_data_frame_is_saved_as_well(X, tmp_path):
    model = clone(MODELS["VAE"]).set_output(transform="pandas").fit(X)
    model.save(tmp_path / "model")
    loaded = skvae.load(tmp_path / "model")
    pd.testing.assert_frame_equal(loaded.transform(X), model.transform(X))


def test_device_is_chosen_when_loading(files):
    for device in ("cpu", "auto"):
        assert skvae.load(files["NVDM"], device=device).device == device
    with pytest.raises(ValueError, match="device='nonsense' is not available"):
        skvae.load(files["NVDM"], device="nonsense")


def test_a_class_loads_its_own_models_only(files):
    assert type(NVDMTopicModel.load(files["NVDM"])) is NVDMTopicModel
    with pytest.raises(ModelFileError, match="of NVDMTopicModel, not of GSMTopicModel"):
        GSMTopicModel.load(files["NVDM"])


def test_files_hold_no_training_data(X, tmp_path):
    model = NVDMTopicModel(**{**SMALL, "batch_size": 4000})
    sizes = []
    for n_times in (1, 100):
        model.fit(pd.concat([X] * n_times)).save(tmp_path / "model")
        sizes.append((tmp_path / "model").stat().st_size)
    assert abs(sizes[1] - sizes[0]) < 100


def test_files_are_plain_safetensors(files, fitted):
    arrays = from_bytes(files["GSM"].read_bytes())
    np.testing.assert_array_equal(
        arrays["fitted.components_"], fitted["GSM"].components_
    )
    assert "net.weights.decoder.word_embeddings" in arrays


def test_a_file_of_an_older_version_gives_the_same_results(golden):
    """One model of each class, saved when the format was new."""
    path, expected = golden
    loaded = skvae.load(path)
    X = expected["X"]
    codes, bounds = loaded.transform(X), loaded.score_samples(X, n_draws=1024)
    np.testing.assert_allclose(codes, expected["transform"], rtol=1e-5, atol=1e-6)
    # Those were taken over 128 other draws.
    np.testing.assert_allclose(bounds, expected["score_samples"], rtol=5e-3)
    np.testing.assert_allclose(
        loaded.inverse_transform(expected["transform"]),
        expected["inverse_transform"],
        rtol=1e-5,
    )
    assert loaded.n_iter_ == 2 and list(loaded.history_.index) == [1, 2]
    loaded.partial_fit(X)
    # Training is repeated bit for bit on one machine only, and Adam makes rounding
    # errors larger: compared is what the epoch changed.
    changed = expected["after partial_fit"] - expected["transform"]
    off = loaded.transform(X) - expected["after partial_fit"]
    assert np.linalg.norm(off) < 0.05 * np.linalg.norm(changed)


GOLDEN = sorted(Path(__file__).parent.glob("data/format_*/*.safetensors"))


@pytest.fixture(params=GOLDEN, ids=lambda path: f"{path.parent.name} {path.stem}")
def golden(request):
    return request.param, np.load(request.param.with_suffix(".npz"))


def test_every_class_has_a_golden_file_and_every_format_some():
    newest = {path.stem for path in GOLDEN if path.parent.name == f"format_{FORMAT}"}
    assert newest == {*CLASSES, "embeddings", "linear_path", "mixed"}
    formats = {f"format_{n}" for n in range(1, FORMAT + 1)}
    assert formats == {path.parent.name for path in GOLDEN}


def test_a_parameter_that_came_after_the_file_has_its_default(files, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(forged(files["NVDM"], drop("params", "max_epochs")))
    loaded, model = skvae.load(path), skvae.load(files["NVDM"])
    default = NVDMTopicModel().max_epochs
    assert model.max_epochs != loaded.max_epochs == default
    assert loaded.get_params() == {**model.get_params(), "max_epochs": default}


# --- pipelines, by skops and joblib -----------------------------------------------


@each_model
def test_skops_has_to_trust_the_name_of_the_class_only(name, fitted, X):
    model = pickle.loads(pickle.dumps(fitted[name]))
    data = skops.io.dumps(model)
    own = f"{type(model).__module__}.{type(model).__name__}"
    assert skops.io.get_untrusted_types(data=data) == [own]
    loaded = skops.io.loads(data, trusted=[own])
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    np.testing.assert_array_equal(
        loaded.partial_fit(X).transform(X), model.partial_fit(X).transform(X)
    )


def through_skops(pipeline):
    own = f"{type(pipeline[-1]).__module__}.{type(pipeline[-1]).__name__}"
    return skops.io.loads(skops.io.dumps(pipeline), trusted=[own])


@pytest.mark.parametrize("trip", [through_joblib, through_skops])
@pytest.mark.parametrize("cls", [NVDMTopicModel, GSMTopicModel, ProdLDATopicModel])
def test_whole_pipelines_go_through(cls, trip):
    texts = ["a cat and a dog", "a dog", "stars and the sun", "the sun is a star"] * 5
    pipeline = Pipeline([("counts", CountVectorizer()), ("topics", cls(**SMALL))])
    pipeline.fit(texts)
    again = trip(pipeline)
    np.testing.assert_array_equal(again.transform(texts), pipeline.transform(texts))
    counts = pipeline[0].transform(texts)
    for one in (again, pipeline):
        one[-1].partial_fit(counts)
    np.testing.assert_array_equal(again.transform(texts), pipeline.transform(texts))


def test_a_pickle_of_another_version_is_told(fitted, monkeypatch):
    data = pickle.dumps(fitted["GSM"])
    monkeypatch.setattr("skvae.models.base.__version__", "99.1")
    with pytest.warns(UserWarning, match=r"pickled by skvae 0.*with skvae 99\.1"):
        loaded = pickle.loads(data)
    assert vars(loaded).keys() == vars(fitted["GSM"]).keys()


# --- what cannot be saved ---------------------------------------------------------


def test_a_model_that_is_not_fitted_cannot_be_saved(tmp_path):
    for model in (GSMTopicModel(), VAETransformer()):
        with pytest.raises(NotFittedError):
            model.save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


class Own(GSMTopicModel):
    """A class that no file can name."""


REFUSED = {
    "a generator": (
        dict(random_state=np.random.RandomState(0)),
        TypeError,
        "with random_state=RandomState.*set_params",
    ),
    "callbacks": (dict(callbacks=[Callback()]), TypeError, "with callbacks="),
    "an invalid value": (dict(lr=-1), ValueError, "'lr' parameter of NVDMTopicModel"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_a_file_cannot_hold_is_named(case, fitted, tmp_path):
    params, error, message = REFUSED[case]
    path = tmp_path / "model"
    path.write_bytes(b"something dear")
    model = pickle.loads(pickle.dumps(fitted["NVDM"])).set_params(**params)
    with pytest.raises(error, match=message):
        model.save(path)
    assert path.read_bytes() == b"something dear" and len(os.listdir(tmp_path)) == 1
    model.set_params(**{key: getattr(fitted["NVDM"], key) for key in params})
    model.save(path)


def linear(n_in, n_out=3):
    return torch.nn.Linear(n_in, n_out)


def test_networks_of_ones_own_classes_and_attributes_cannot_be_saved(X, tmp_path):
    path = tmp_path / "model"
    for params in (dict(encoder=linear), dict(decoder=linear)):
        model = VAETransformer(**SMALL, **params).fit(X)
        model.set_params(encoder=None, decoder=None)  # the fitted one still has it
        with pytest.raises(TypeError, match=r"fitted with (en|de)coder=.*joblib"):
            model.save(path)
    with pytest.raises(TypeError, match="Own is none of the classes .*joblib"):
        Own(**SMALL).fit(X).save(path)
    model = clone(MODELS["NVDM"]).fit(X)
    model.vocabulary = WORDS
    with pytest.raises(TypeError, match=r"attributes \['vocabulary'\].*lost"):
        model.save(path)
    assert not path.exists()


@pytest.mark.parametrize("limit", ["MAX_HEADER", "MAX_MARKS"])
def test_names_that_would_make_an_unreadable_file_are_an_error(
    limit, X, tmp_path, monkeypatch
):
    monkeypatch.setattr(f"skvae.persistence.{limit}", 1000)
    frame = X.rename(columns=lambda name: name + ",:[{" * 2000)
    with pytest.raises(ValueError, match="names .* are the limit"):
        clone(MODELS["NVDM"]).fit(frame).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_many_names_of_any_kind_are_loaded(tmp_path, monkeypatch):
    monkeypatch.setattr("skvae.persistence.MAX_MARKS", 2000)  # as if they were more
    names = [f"[w{j}, x]" for j in range(10**5)]
    X = pd.DataFrame(np.eye(2, 10**5), columns=names)
    model = NVDMTopicModel(**{**SMALL, "hidden_layer_sizes": (), "max_epochs": 1})
    model.fit(X).save(tmp_path / "model")
    assert list(skvae.load(tmp_path / "model").feature_names_in_) == names


# --- faults while writing ---------------------------------------------------------


class Fault:
    """Fails in place of a function of the operating system."""

    def __init__(self, error):
        self.error = error

    def __call__(self, *args, **kwargs):
        raise self.error


NO_SPACE = OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("error", [NO_SPACE, KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("function", ["fsync", "replace"])
def test_a_save_that_fails_leaves_what_was_there(
    function, error, there, fitted, tmp_path, monkeypatch, record_property
):
    path = tmp_path / "model"
    if there:
        fitted["GSM"].save(path)
        before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(f"skvae.persistence.os.{function}", Fault(error))
        with pytest.raises(type(error)):
            fitted["NVDM"].save(path)
    assert len(os.listdir(tmp_path)) == there
    if there:
        assert path.read_bytes() == before
    record_property("faults", 1)


@pytest.mark.skipif(sys.platform == "win32", reason="needs limits of processes")
def test_a_full_disk_loses_nothing(files, tmp_path, record_property):
    """The system refuses to write on, after so many bytes."""
    before = files["NVDM"].read_bytes()
    path = tmp_path / "model"
    path.write_bytes(before)
    script = f"""
        import resource, signal, skvae
        model = skvae.load({str(files["GSM"])!r})
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        for limit in (0, 1, 100, 4096, {len(before) // 2}):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                model.save({str(path)!r})
            except OSError as error:
                resource.setrlimit(resource.RLIMIT_FSIZE, (2**30, 2**30))
                print("refused:", error.strerror)
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
    """
    script = textwrap.dedent(script).replace("(2**30, 2**30)", "(2**30, -1)")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True
    )
    assert done.stdout.count("refused: File too large") == 5, done
    assert os.listdir(tmp_path) == ["model"] and path.read_bytes() == before
    record_property("faults", 5)


def test_folders_that_are_not_there_or_not_writable(fitted, tmp_path, record_property):
    model = fitted["NVDM"]
    with pytest.raises(FileNotFoundError, match="no folder.*nowhere"):
        model.save(tmp_path / "nowhere" / "model")
    with pytest.raises(IsADirectoryError):
        model.save(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises((FileNotFoundError, NotADirectoryError)):
        model.save(tmp_path / "file" / "model")
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o555)
    if os.name == "posix" and os.geteuid() == 0:
        folder = Path("/proc")  # where not even root may write
    with pytest.raises(OSError):
        model.save(folder / "model")
    assert set(os.listdir(tmp_path)) == {"file", "locked"}
    record_property("faults", 4)


@pytest.mark.skipif(os.name != "posix", reason="needs modes and links")
def test_the_new_file_has_the_mode_of_the_old_one_and_its_place(fitted, tmp_path):
    model, path, link = fitted["NVDM"], tmp_path / "model", tmp_path / "link"
    plain = tmp_path / "plain"
    plain.touch()
    model.save(path)
    assert path.stat().st_mode == plain.stat().st_mode  # as of any file
    path.chmod(0o640)
    link.symlink_to(path)
    fitted["GSM"].save(link)
    assert path.stat().st_mode & 0o777 == 0o640 and link.is_symlink()
    assert type(skvae.load(path)) is GSMTopicModel


# --- damaged, foreign and forged files --------------------------------------------


def assert_refused(path, match="is no model for skvae"):
    with pytest.raises(ModelFileError, match=match) as info:
        skvae.load(path)
    assert isinstance(info.value, ValueError) and str(path) in str(info.value)


def test_truncated_files_are_refused(files, tmp_path, record_property):
    data = files["GSM"].read_bytes()
    path = tmp_path / "model"
    start = 8 + len(BEGINNING) + len(NO_CHECKSUM)
    lengths = {*range(0, start + 2), *range(start, len(data), 97), len(data) - 1}
    for length in lengths:
        path.write_bytes(data[:length])
        assert_refused(path)
    for tail in (b"\0", data):  # and longer ones
        path.write_bytes(data + tail)
        assert_refused(path, "checksum")
    record_property("damaged files", len(lengths) + 2)


@pytest.mark.parametrize("name", ["NVDM", "GSM", "VAE images"])
def test_every_flipped_bit_is_found(name, files, tmp_path, rng, record_property):
    data = files[name].read_bytes()
    path = tmp_path / "model"
    for _ in range(500):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        assert_refused(path)
    record_property("damaged files", 500)


def archive():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("data.pkl", pickle.dumps(print))
    return buffer.getvalue()


def saved_by(save, *args):
    buffer = io.BytesIO()
    save(*args, buffer)
    return buffer.getvalue()


class RunsCode:
    """Its unpickling would be noticed."""

    def __reduce__(self):
        return os.putenv, ("SKVAE_TEST_RAN", "1")


FOREIGN = {
    "empty": b"",
    "zeros": bytes(1000),
    "text": b"topics, many of them\n" * 50,
    "pickle": pickle.dumps(RunsCode()),
    "joblib": saved_by(joblib.dump, RunsCode()),
    "torch.save": saved_by(torch.save, {"weight": torch.zeros(3)}),
    "zip": archive(),
    "npy": saved_by(lambda array, file: np.save(file, array), np.zeros(3)),
    "safetensors": to_bytes({"weight": np.zeros(3)}),
    "safetensors with metadata": to_bytes({"w": np.zeros(3)}, {"skvae": "{}"}),
    "safetensors named like ours": to_bytes({"w": np.zeros(3)}, {"skvae": '{"sha256"'}),
    "huge header": struct.pack("<Q", 2**62) + b'{"__metadata__":{}}',
    "huge header like ours": struct.pack("<Q", 2**62) + BEGINNING + NO_CHECKSUM,
    "skops": skops.io.dumps(CountVectorizer()),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_foreign_files_are_refused(kind, tmp_path, record_property):
    path = tmp_path / "model"
    path.write_bytes(FOREIGN[kind])
    assert_refused(path)
    assert "SKVAE_TEST_RAN" not in os.environ
    record_property("foreign files", 1)


def test_random_bytes_are_refused(tmp_path, rng, record_property):
    path = tmp_path / "model"
    for size in range(100):
        path.write_bytes(rng.bytes(size * 10))
        assert_refused(path)
    record_property("foreign files", 100)


def test_a_missing_file_and_a_folder_are_errors_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        skvae.load(tmp_path / "model")
    with pytest.raises(IsADirectoryError):
        skvae.load(tmp_path)


DEEP = "lists in lists in lists"


def sealed(data):
    """A file with a valid checksum, as whoever forges one can make."""
    start = 8 + len(BEGINNING)
    end = start + len(NO_CHECKSUM)
    blank = data[:start] + NO_CHECKSUM + data[end:]
    return data[:start] + hashlib.sha256(blank).hexdigest().encode() + data[end:]


def forged(path, edit, deep="[" * 10**5 + "]" * 10**5):
    """A file after an edit of its document and arrays, with a valid checksum."""
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    document = json.loads(header["__metadata__"]["skvae"])
    arrays = from_bytes(data)
    edit(document, arrays)
    document = {"sha256": NO_CHECKSUM.decode(), **document}
    document["sha256"] = NO_CHECKSUM.decode()
    text = json.dumps(document).replace(f'"{DEEP}"', deep)
    return sealed(to_bytes(arrays, {"skvae": text}))


NEW = "new", "covariate_values_", "covariate_names_", "batches"


def put(value, *keys):
    """An edit of the document."""

    def edit(document, arrays):
        *parents, last = keys
        for key in parents:
            document = document[key]
        assert isinstance(document, list) or last in document or last in NEW
        document[last] = value

    return edit


def drop(*keys):
    def edit(document, arrays):
        *parents, last = keys
        for key in parents:
            document = document[key]
        del document[last]

    return edit


def replace(name, change):
    """An edit of an array."""

    def edit(document, arrays):
        arrays[name] = change(arrays[name])

    return edit


def with_nan(array):
    array = array.copy()
    array.flat[0] = np.nan
    return array


WEIGHT = "net.weights.decoder.word_embeddings"
MOMENT = "net.optimizer.decoder.word_embeddings.exp_avg"
STEP = "net.optimizer.decoder.word_embeddings.step"
STATISTICS = "net.weights.encoder.standardise."
CONFIG, EPOCH = ("net", "config"), ("net", "history", 0)
LOSSES = "train_loss", "valid_loss", "reconstruction", "kl", "dur"
NO_LOSSES = [{"__float__": "nan"}, {"__float__": "inf"}, None, "1", 1, True, [1.0]]
NAN = {"__float__": "nan"}
FORGERIES = {
    "a newer format": put(2, "format"),
    "format of another type": put("1", "format"),
    "no format": drop("format"),
    "a name that would be imported": put("os.system", "class"),
    "another class": put("NVDMTopicModel", "class"),
    "a class that is no name": put(["GSMTopicModel"], "class"),
    "unknown parameter": put(1, "params", "new"),
    "device": put("cuda", "params", "new"),
    "parameter out of range": put(-1, "params", "lr"),
    "parameter of another type": put({"a": 1}, "params", "n_components"),
    "more components than weights": put(3, *CONFIG, "n_components"),
    "components beyond all memory": put(10**9, *CONFIG, "n_components"),
    "components beyond all numbers": put(10**30, *CONFIG, "n_components"),
    "features beyond all memory": put(10**12, *CONFIG, "n_features"),
    "features of another type": put(9.0, *CONFIG, "n_features"),
    "no features": put(0, *CONFIG, "n_features"),
    "layers beyond all memory": put(
        {"__tuple__": [10**9, 10**9]}, *CONFIG, "hidden_layer_sizes"
    ),
    "layers without weights": put(
        {"__tuple__": [4] * 10**5}, *CONFIG, "hidden_layer_sizes"
    ),
    "layers that are no numbers": put("4", *CONFIG, "hidden_layer_sizes"),
    "activation without a function": put("system", *CONFIG, "activation"),
    "unknown configuration": put(1, *CONFIG, "new"),
    "missing configuration": drop(*CONFIG, "dropout"),
    "no net": drop("net"),
    "a net that is none": put(None, "net"),
    "weights of another shape": replace(WEIGHT, lambda w: w[:, :-1].copy()),
    "weights of another type": replace(WEIGHT, lambda w: w.astype(np.float64)),
    "weights that are NaN": replace(WEIGHT, with_nan),
    "missing weights": lambda document, arrays: arrays.pop(WEIGHT),
    "weights without a name": drop("net", "weights", "decoder.word_embeddings"),
    "more weights": lambda document, arrays: arrays.update(w=np.zeros(3)),
    "an array used twice": put({"__array__": WEIGHT}, "fitted", "word_embeddings_"),
    "moments of another shape": replace(MOMENT, lambda w: w[:-1].copy()),
    "missing moments": drop("net", "optimizer", "decoder.word_embeddings", "step"),
    "moments of nothing": put({}, "net", "optimizer", "new"),
    "another seed": put(-1, "net", "seed"),
    "a seed that is no number": put("0", "net", "seed"),
    "missing epochs": drop("net", "history", 0),
    "epochs in disorder": put(7, "net", "history", 0, "epoch"),
    "an epoch that is no number": put(True, *EPOCH, "epoch"),
    "an epoch without a time": drop(*EPOCH, "dur"),
    "batches of an epoch": put([], *EPOCH, "batches"),
    "epochs that are none": put([1, 2, 3], "net", "history"),
    **{
        f"{value} for {key}": put(value, *EPOCH, key)
        for key in LOSSES
        for value in NO_LOSSES
    },
    "moments that are NaN": replace(MOMENT, with_nan),
    "moments that are infinite": replace(MOMENT, lambda m: m + np.float32("inf")),
    "squares that are NaN": replace(f"{MOMENT}_sq", with_nan),
    "squares that are negative": replace(f"{MOMENT}_sq", lambda m: -m),
    **{
        f"{value} steps": replace(STEP, lambda s, v=value: np.full_like(s, v))
        for value in (0, -1, 0.5, np.nan, np.inf)
    },
    "a variance that is negative": replace(f"{STATISTICS}running_var", lambda v: -v),
    "batches of a negative number": replace(
        f"{STATISTICS}num_batches_tracked", lambda n: np.full_like(n, -1)
    ),
    "a length that is NaN": put(NAN, "fitted", "mean_length_"),
    "unknown part": put(1, "new"),
    "unknown part of the net": put(1, "net", "new"),
    "unknown moments": put(1, "net", "optimizer", "decoder.word_embeddings", "new"),
    "unknown health": put(1, "fitted", "health_", "new"),
    "versions that are none": put({"skvae": [1]}, "versions"),
    "no history": put({}, "net", "history"),
    "too few names": put({"__strings__": ["a"]}, "fitted", "feature_names_in_"),
    "names that are none": put([1] * 9, "fitted", "feature_names_in_"),
    "another number of features": put(8, "fitted", "n_features_in_"),
    "another number of epochs": put(8, "fitted", "n_iter_"),
    "missing attribute": drop("fitted", "components_"),
    "unknown attribute": put(1, "fitted", "new"),
    "components of another shape": replace("fitted.components_", lambda w: w.T.copy()),
    "components that are NaN": replace("fitted.components_", with_nan),
    "health of another kind": put("good", "fitted", "health_"),
    "health without an entry": drop("fitted", "health_", "perplexity"),
    "health of other units": put("many", "fitted", "health_", "active_units"),
    "unknown output": put("files", "output"),
    "too deep": put(DEEP, "params", "lr"),
    "an unknown tag": put({"__eval__": "1"}, "params", "lr"),
    "a float that is none": put({"__float__": "1e5"}, "params", "lr"),
}


@pytest.mark.parametrize("case", FORGERIES)
def test_forged_files_are_refused(case, files, tmp_path, record_property):
    """Even where the checksum is right."""
    path = tmp_path / "model"
    path.write_bytes(forged(files["GSM"], lambda document, arrays: None))
    skvae.load(path)
    path.write_bytes(forged(files["GSM"], FORGERIES[case]))
    assert_refused(path)
    record_property("forged files", 1)


@pytest.mark.parametrize("place", [("new",), ("params", "lr"), ("versions",)], ids=str)
@pytest.mark.parametrize(
    "filling",
    [
        ",".join(["[]"] * 10**6),
        ",".join(["[]"] * 10**6).replace("[", r"\u005b"),
        ",".join(['{"":0}'] * 10**6),
        ",".join(["0"] * 3 * 10**6),
        '{"0":0' + ",".join(f'"{i}":0' for i in range(10**6)) + "}",
    ],
    ids=["lists", "escaped lists", "objects", "numbers", "keys"],
)
def test_a_forged_file_takes_no_memory_beyond_its_size(
    filling, place, files, tmp_path, record_property
):
    """Whatever is in it, and where: a list of nothing takes 30 times its bytes."""
    data = forged(files["GSM"], put(DEEP, *place), f"[{filling}]")
    if "u005b" in filling:  # of the header, not of the document
        length = int.from_bytes(data[:8], "little")
        head = data[8 : 8 + length].replace(rb"\\u", rb"\u")
        data = sealed(struct.pack("<Q", len(head)) + head + data[8 + length :])
    path = tmp_path / "model"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        assert_refused(path, "marks of JSON")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(data)
    record_property("forged files", 1)


def test_what_a_fit_may_leave_is_loaded(X, tmp_path):
    """Squares beyond single precision, and what callbacks have recorded."""

    class Records(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("mine", ["a", 1])

    path = tmp_path / "model"
    model = VAETransformer(**SMALL, scale=1.0, callbacks=[Records()]).fit(X * 1e10)
    model.set_params(callbacks=None).save(path)
    state = model.__getstate__()
    assert any(
        np.isinf(moments["exp_avg_sq"]).any()
        for moments in state["net_"]["optimizer"].values()
    )
    assert_equal(skvae.load(path).__getstate__(), state)
    skvae.load(path).partial_fit(X * 1e10)


@pytest.mark.parametrize("sizes", [np.array([4, 3]), range(3, 5), [4, 3], 4])
def test_sizes_of_layers_may_be_given_in_any_way(sizes, X, tmp_path):
    model = GSMTopicModel(**{**SMALL, "hidden_layer_sizes": sizes}).fit(X)
    model.save(tmp_path / "model")
    loaded = skvae.load(tmp_path / "model")
    given = loaded.hidden_layer_sizes
    assert given == (sizes if isinstance(sizes, list | int) else tuple(sizes))
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


def test_columns_without_end_are_refused_at_once(tmp_path):
    """Whatever number of features a file tells, no list of so many is made."""
    path = Path(__file__).parent / "data/format_1/mixed.safetensors"
    forgery = tmp_path / "model"
    forgery.write_bytes(forged(path, put(10**12, *CONFIG, "n_features")))
    with pytest.raises(ModelFileError, match="columns of X once. In none are"):
        skvae.load(forgery)


def test_what_is_no_plain_file_is_told_without_a_wait(tmp_path):
    path = tmp_path / "model"
    os.mkfifo(path)
    with pytest.raises(OSError, match="no plain file"):
        skvae.load(path)


@pytest.mark.parametrize(
    "edit",
    [
        put("print", *CONFIG, "encoder"),
        put({"__tuple__": [3, 9]}, *CONFIG, "image_shape"),
        put({"__tuple__": [3] * 1000}, *CONFIG, "channels"),
        put("student", *CONFIG, "likelihood"),
        put([["gaussian", [0, 0]]], *CONFIG, "likelihood"),
        lambda document, arrays: document["fitted"].update(scale_=1.0),
    ],
)
def test_forged_networks_are_refused(edit, files, tmp_path, record_property):
    path = tmp_path / "model"
    path.write_bytes(forged(files["VAE images"], edit))
    assert_refused(path)
    record_property("forged files", 1)


@pytest.fixture(scope="module")
def conditioned(X, tmp_path_factory):
    """Files of a model fitted with labels, with integers and with numbers."""
    folder = tmp_path_factory.mktemp("conditioned")
    labels = np.arange(40) % 3
    clone(MODELS["GSM"]).fit(X, covariates=labels).save(folder / "integers")
    table = np.column_stack([labels, labels**2])
    clone(MODELS["GSM"]).fit(X, covariates=table).save(folder / "numbers")
    labels = np.array(["a", "b", "c"])[labels]
    clone(MODELS["GSM"]).fit(X, covariates=labels).save(folder / "strings")
    model = clone(MODELS["GSM"]).set_params(embedding_columns=slice(-2, None))
    model.fit(X, embeddings=pd.DataFrame(table, columns=["e0", "e1"]))
    model.save(folder / "embeddings")
    return folder


FACTORS = "fitted.covariate_components_"
SCALE = {"__array__": "fitted.covariate_scale_"}
COLUMNS = "params", "embedding_columns"


@pytest.mark.parametrize(
    "name, edit",
    [
        ("strings", put(2, *CONFIG, "n_covariates")),
        ("strings", put(0, *CONFIG, "n_covariates")),
        ("strings", put(3.0, *CONFIG, "n_covariates")),
        ("strings", put(10**12, *CONFIG, "n_covariates")),
        ("strings", drop(*CONFIG, "n_covariates")),
        ("strings", drop("fitted", "covariate_components_")),
        ("strings", replace(FACTORS, lambda w: w[:2].copy())),
        ("strings", replace(FACTORS, with_nan)),
        *(
            ("strings", put({"__strings__": values}, "fitted", "covariate_values_"))
            for values in (["a", "b"], ["a", "c", "b"], ["a", "a", "b"], "abc")
        ),
        ("strings", put(["a", 1, "b"], "fitted", "covariate_values_")),
        ("integers", replace("fitted.covariate_values_", lambda v: v[::-1].copy())),
        ("integers", replace("fitted.covariate_values_", lambda v: v * 1.0)),
        ("integers", drop("fitted", "covariate_values_")),
        ("numbers", drop("fitted", "covariate_mean_")),
        ("numbers", drop("fitted", "covariate_scale_")),
        ("numbers", put(SCALE, "fitted", "covariate_values_")),
        ("numbers", put({"__strings__": ["a"]}, "fitted", "covariate_names_")),
        ("numbers", put([1, 2], "fitted", "covariate_names_")),
        ("numbers", replace("fitted.covariate_mean_", with_nan)),
        ("numbers", replace("fitted.covariate_scale_", lambda v: -v)),
        ("numbers", replace("fitted.covariate_scale_", lambda v: 0 * v)),
        ("numbers", replace("fitted.covariate_scale_", lambda v: v[:1].copy())),
        ("numbers", put({"predict": {"covariates": True}}, "requests")),
        ("numbers", put({"fit": {"y": True}}, "requests")),
        ("numbers", put({"fit": {"covariates": 2}}, "requests")),
        ("numbers", put({"fit": {"covariates": "a b"}}, "requests")),
        ("numbers", put({"fit": ["covariates"]}, "requests")),
        ("numbers", put(["fit"], "requests")),
        ("embeddings", put(0, *CONFIG, "n_embedding_features")),
        ("embeddings", put(3, *CONFIG, "n_embedding_features")),
        ("embeddings", put(2.0, *CONFIG, "n_embedding_features")),
        ("embeddings", drop(*CONFIG, "n_embedding_features")),
        ("embeddings", put({"__strings__": ["a"]}, "fitted", "embedding_names_")),
        ("embeddings", put([1, 2], "fitted", "embedding_names_")),
        ("embeddings", put("e0", *COLUMNS)),
    ],
)
def test_forged_covariates_are_refused(
    name, edit, conditioned, tmp_path, record_property
):
    path = tmp_path / "model"
    path.write_bytes(forged(conditioned / name, lambda document, arrays: None))
    skvae.load(path)
    path.write_bytes(forged(conditioned / name, edit))
    assert_refused(path)
    record_property("forged files", 1)


@pytest.mark.parametrize("value", [0.0, 1, 3])
def test_covariates_of_a_model_without_are_refused(
    value, files, tmp_path, record_property
):
    path = tmp_path / "model"
    path.write_bytes(
        forged(
            files["GSM"],
            lambda document, arrays: document["net"]["config"].update(
                n_covariates=value
            ),
        )
    )
    assert_refused(path)
    record_property("forged files", 1)


@pytest.mark.parametrize("name", ["strings", "integers"])
def test_skops_trusts_models_with_covariates(name, conditioned, X):
    model = skvae.load(conditioned / name)
    given = model.covariate_values_[1]
    loaded = through_skops([model])[-1]
    np.testing.assert_array_equal(
        loaded.transform(X, covariates=given), model.transform(X, covariates=given)
    )


def test_a_file_of_a_newer_skvae_says_so(files, tmp_path):
    path = tmp_path / "model"
    path.write_bytes(forged(files["GSM"], put(2, "format")))
    assert_refused(path, r"its format has the number 2.*reads 1\. Update skvae")


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("name", ["GSM", "VAE images"])
def test_sealed_damage_of_the_header_is_refused_or_harmless(
    name, files, tmp_path, X, rng, record_property
):
    """No damage makes anything but a model that works or a ModelFileError."""
    data = files[name].read_bytes()
    length = 8 + int.from_bytes(data[:8], "little")
    path = tmp_path / "model"
    model = skvae.load(files[name])
    refused = 0
    for _ in range(500):
        damaged = bytearray(data)
        damaged[rng.integers(length)] ^= 1 << rng.integers(8)
        path.write_bytes(sealed(bytes(damaged)))
        try:
            loaded = skvae.load(path)
        except ModelFileError:
            refused += 1
        else:
            codes = loaded.transform(X.to_numpy())
            assert codes.shape == model.transform(X).shape
            assert np.isfinite(codes).all()
    assert refused > 100
    record_property("forged files", 500)
