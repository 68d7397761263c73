"""Model files: round trips, what cannot be saved, faults while writing, bad files."""

import io
import json
import os
import pickle
import struct
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import skops.io
import torch
from helpers import TOPIC_MODELS, through_joblib
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline
from skorch.callbacks import Callback

import skvae
from skvae import (
    GSMTopicModel,
    ModelFileError,
    NVDMTopicModel,
    ProdLDATopicModel,
    VAETransformer,
)
from skvae.persistence import checksum

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
    "GSM": GSMTopicModel(**SMALL, early_stopping=True, validation_fraction=0.3),
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
    "VAE": VAETransformer(**SMALL).set_output(transform="pandas"),
    "VAE scales": VAETransformer(**SMALL, scale=np.arange(1.0, 10)),
    "VAE plain": VAETransformer(**SMALL, variational=False, batch_norm=False),
    "VAE mixed": VAETransformer(
        **SMALL, likelihood=(("gaussian", (0, 1, 2, 3)), ("bernoulli", (4, 5, 6, 7, 8)))
    ),
    "VAE images": VAETransformer(**SMALL, **IMAGE, likelihood="bernoulli"),
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
    a, b = (x.item() if isinstance(x, np.generic) else x for x in (a, b))
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        a, b = list(a.values()), [b[key] for key in a]
    if isinstance(a, tuple | list):
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
    calls = {"transform": X, "score_samples": X, "inverse_transform": codes}
    for method, given in calls.items():
        ours, theirs = getattr(loaded, method)(given), getattr(model, method)(given)
        assert type(ours) is type(theirs)
        np.testing.assert_array_equal(ours, theirs)
    if name != "VAE plain":  # which has no prior
        ours, theirs = (one.sample(3, random_state=0) for one in (loaded, model))
        assert (ours != theirs).sum() == 0
    assert list(loaded.get_feature_names_out()) == list(model.get_feature_names_out())


@pytest.mark.parametrize("go_on", ["partial_fit", "warm start"])
@each_model
def test_a_loaded_model_trains_on_as_if_never_saved(name, go_on, fitted, files, X):
    model, loaded = pickle.loads(pickle.dumps(fitted[name])), skvae.load(files[name])
    for one in (model, loaded):
        if go_on == "partial_fit":
            one.partial_fit(X).partial_fit(X)
        else:
            one.set_params(warm_start=True).fit(X)
    a, b = loaded.__getstate__(), model.__getstate__()
    for state in (a, b):
        for row in state["net_"]["history"]:
            row.pop("dur")
    assert_equal(a, b)


@pytest.mark.parametrize("name", ["GSM", "VAE images"])
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


# --- pipelines, by skops and joblib -----------------------------------------------


def through_skops(pipeline):
    """Only the name of the class has to be trusted."""
    own = f"{type(pipeline[-1]).__module__}.{type(pipeline[-1]).__name__}"
    data = skops.io.dumps(pipeline)
    assert skops.io.get_untrusted_types(data=data) == [own]
    return skops.io.loads(data, trusted=[own])


def test_autoencoders_go_through_skops(fitted, X):
    model = fitted["VAE images"]
    (loaded,) = through_skops([model])
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))


@pytest.mark.parametrize("trip", [through_joblib, through_skops])
@pytest.mark.parametrize("cls", TOPIC_MODELS)
def test_whole_pipelines_go_through(cls, trip):
    texts = ["a cat and a dog", "a dog", "stars and the sun", "the sun is a star"] * 5
    pipeline = make_pipeline(CountVectorizer(), cls(**SMALL)).fit(texts)
    again = trip(pipeline)
    np.testing.assert_array_equal(again.transform(texts), pipeline.transform(texts))
    counts = pipeline[0].transform(texts)
    for one in (again, pipeline):
        one[-1].partial_fit(counts)
    np.testing.assert_array_equal(again.transform(texts), pipeline.transform(texts))


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
        "hold no RandomState, as params.random_state is.*set_params",
    ),
    "callbacks": (dict(callbacks=[Callback()]), TypeError, "as params.callbacks.0 is"),
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
    with pytest.raises(TypeError, match="not Own. Pickle it"):
        Own(**SMALL).fit(X).save(path)
    model = clone(MODELS["NVDM"]).fit(X)
    model.vocabulary = WORDS
    with pytest.raises(TypeError, match=r"attributes \['vocabulary'\].*not keep"):
        model.save(path)
    assert not path.exists()


def test_names_that_would_make_an_unreadable_file_are_an_error(
    X, tmp_path, monkeypatch
):
    monkeypatch.setattr("skvae.persistence.MAX_HEADER", 1000)
    with pytest.raises(ValueError, match="names .* more than 1000"):
        clone(MODELS["NVDM"]).fit(X).save(tmp_path / "model")
    assert not list(tmp_path.iterdir())


# --- damaged, foreign and changed files -------------------------------------------


def assert_refused(path, match="is not a model that skvae can load"):
    with pytest.raises(ModelFileError, match=match) as info:
        skvae.load(path)
    assert isinstance(info.value, ValueError) and str(path) in str(info.value)


def test_truncated_files_are_refused(files, tmp_path, record_property):
    data = files["GSM"].read_bytes()
    path = tmp_path / "model"
    lengths = [*range(0, len(data), 97), len(data) - 1]
    for length in lengths:
        path.write_bytes(data[:length])
        assert_refused(path)
    for tail in (b"\0", data):  # and longer ones
        path.write_bytes(data + tail)
        assert_refused(path)
    record_property("damaged files", len(lengths) + 2)


@pytest.mark.parametrize("name", ["NVDM", "VAE images"])
def test_every_flipped_bit_is_found(name, files, tmp_path, rng, record_property):
    """Or changes nothing, as one in "\\u00e9" that makes it "\\u00E9" does."""
    data, state = files[name].read_bytes(), skvae.load(files[name]).__getstate__()
    path = tmp_path / "model"
    n_refused = 0
    for _ in range(500):
        damaged = bytearray(data)
        damaged[rng.integers(len(data))] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        try:
            loaded = skvae.load(path)
        except ModelFileError:
            n_refused += 1
        else:
            assert_equal(loaded.__getstate__(), state)
    assert n_refused > 480
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
    "skops": skops.io.dumps(CountVectorizer()),
}


def test_foreign_files_are_refused(tmp_path, rng, record_property):
    path = tmp_path / "model"
    noise = {size: rng.bytes(size) for size in range(0, 1000, 10)}
    for data in (FOREIGN | noise).values():
        path.write_bytes(data)
        assert_refused(path)
        assert "SKVAE_TEST_RAN" not in os.environ
    record_property("foreign files", len(FOREIGN) + len(noise))


def test_a_missing_file_and_a_folder_are_errors_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        skvae.load(tmp_path / "model")
    with pytest.raises(IsADirectoryError):
        skvae.load(tmp_path)


# --- files that were changed on purpose -------------------------------------------


def changed(path, edit):
    """A file after an edit of its document and arrays, with a valid checksum."""
    data = path.read_bytes()
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    document = json.loads(header["__metadata__"]["skvae"])
    arrays = from_bytes(data)
    edit(document, arrays)
    document["sha256"] = checksum(document, arrays)
    return to_bytes(arrays, {"skvae": json.dumps(document)})


WEIGHT = "net.weights.decoder.word_embeddings"
CHANGES = {
    "a newer format": (
        lambda doc, _: doc.update({"format": 2}),
        r"its format is 2, and skvae .* reads 1\. Update skvae",
    ),
    "a name that would be imported": (
        lambda doc, _: doc.update({"class": "os.system"}),
        "class 'os.system' is not registered",
    ),
    "a network of code": (
        lambda doc, _: doc["net"]["config"].update(activation="exec"),
        "exec",
    ),
    "an unknown parameter": (
        lambda doc, _: doc["params"].update(new=1),
        "no parameter 'new'",
    ),
    "a parameter out of range": (
        lambda doc, _: doc["params"].update(lr=-1),
        "'lr' parameter of GSMTopicModel must be",
    ),
    "a missing part": (lambda doc, _: doc.pop("net"), "net"),
    "a missing array": (lambda _, arrays: arrays.pop(WEIGHT), WEIGHT),
    "a renamed array": (
        lambda _, arrays: arrays.update(new=arrays.pop(WEIGHT)),
        WEIGHT,
    ),
    "an array of another shape": (
        lambda _, arrays: arrays.update({WEIGHT: arrays[WEIGHT][:-1].copy()}),
        "size mismatch for decoder.word_embeddings",
    ),
    "a missing weight": (
        lambda doc, _: doc["net"]["weights"].popitem(),
        "Missing key",
    ),
}


@pytest.mark.parametrize("case", CHANGES)
def test_files_that_do_not_fit_are_refused(case, files, tmp_path, record_property):
    path = tmp_path / "model"
    path.write_bytes(changed(files["GSM"], lambda *_: None))
    skvae.load(path)
    edit, reason = CHANGES[case]
    path.write_bytes(changed(files["GSM"], edit))
    assert_refused(path, f"(?s)is not a model that skvae can load: .*{reason}")
    record_property("changed files", 1)


def test_what_a_fit_may_leave_is_loaded(X, tmp_path):
    """Squares beyond single precision, and what callbacks have recorded."""

    class Records(Callback):
        def on_epoch_end(self, net, **kwargs):
            net.history.record("mine", ["a", 1])

    path = tmp_path / "model"
    model = VAETransformer(**SMALL, scale=1.0, callbacks=[Records()]).fit(X * 1e10)
    model.set_params(callbacks=None).save(path)
    state = model.__getstate__()
    moments = state["net_"]["optimizer"].values()
    assert any(np.isinf(of_weight["exp_avg_sq"]).any() for of_weight in moments)
    assert_equal(skvae.load(path).__getstate__(), state)
    skvae.load(path).partial_fit(X * 1e10)


@pytest.mark.parametrize("sizes", [np.array([4, 3]), range(3, 5), [4, 3], 4])
def test_sizes_of_layers_may_be_given_in_any_way(sizes, X, tmp_path):
    model = GSMTopicModel(**{**SMALL, "hidden_layer_sizes": sizes}).fit(X)
    model.save(tmp_path / "model")
    loaded = skvae.load(tmp_path / "model")
    assert list(np.atleast_1d(loaded.hidden_layer_sizes)) == list(np.atleast_1d(sizes))
    np.testing.assert_array_equal(
        loaded.partial_fit(X).transform(X), model.partial_fit(X).transform(X)
    )


COVARIATES = {
    "integers": np.arange(40) % 3,
    "strings": np.array(["a", "b", "c"])[np.arange(40) % 3],
    "numbers": np.column_stack([np.arange(40), np.arange(40) % 2]),
}


@pytest.mark.parametrize("kind", COVARIATES)
def test_models_with_covariates_and_embeddings_go_through(kind, X, tmp_path):
    covariates = COVARIATES[kind]
    embeddings = pd.DataFrame(np.eye(40, 2), columns=["e0", "e1"])
    given = {"covariates": covariates, "embeddings": embeddings}
    model = clone(MODELS["GSM"]).set_params(embedding_columns=slice(-2, None))
    model.fit(X, **given).save(tmp_path / "model")
    for loaded in (skvae.load(tmp_path / "model"), through_skops([model])[-1]):
        assert_equal(loaded.__getstate__(), model.__getstate__())
        np.testing.assert_array_equal(
            loaded.transform(X, **given), model.transform(X, **given)
        )


def test_requests_for_metadata_are_saved_as_well(X, tmp_path):
    with sklearn.config_context(enable_metadata_routing=True):
        model = clone(MODELS["NVDM"]).set_fit_request(covariates=True).fit(X)
        model.save(tmp_path / "model")
        routing = skvae.load(tmp_path / "model").get_metadata_routing()
    assert routing.fit.requests == model.get_metadata_routing().fit.requests
