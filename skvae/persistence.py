"""Models in files that hold no code.

A model file is one safetensors file: arrays, and a JSON document in its metadata. The
document has a checksum over the whole file, the format's version, the class, the
constructor's parameters, what was fitted, and what the net needs to train on.
"""

import hashlib
import json
import math
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.numpy import save as to_bytes
from sklearn import config_context
from sklearn.utils.validation import check_is_fitted

from skvae.utils.files import check_plain, replacing
from skvae.utils.validation import check_parameters, resolve_device
from skvae.utils.version import __version__, versions

__all__ = ["ModelFileError", "load", "register", "save"]

FORMAT = 1
# A file may name these and nothing else: classes that have called `register`.
CLASSES = {}
# All files begin with the length of the header in 8 bytes, with this, and with the
# checksum, so that damage is found before anything is parsed.
BEGINNING = b'{"__metadata__":{"skvae":"{\\"sha256\\": \\"'
NO_CHECKSUM = b"0" * 64
ABOUT = "format", "class", "versions"
PARTS = "params", "fitted", "net", "output", "requests"
PARTS_OF_NET = {"seed", "config", "weights", "optimizer", "history"}
MAX_HEADER = 100_000_000  # bytes; that of safetensors
# Marks between what a header holds: so many, and one for so many bytes of the file.
# What is between two of them may take a hundred bytes of memory. Epochs have as many
# bytes in the file, and names have arrays beside them.
MAX_MARKS, BYTES_PER_MARK = 2**20, 16
# Names of safetensors for what arrays may hold.
DTYPES = {
    **{"BOOL": np.bool_, "F16": np.float16, "F32": np.float32, "F64": np.float64},
    **{f"I{8 * size}": np.dtype(f"i{size}") for size in (1, 2, 4, 8)},
    **{f"U{8 * size}": np.dtype(f"u{size}") for size in (1, 2, 4, 8)},
}
# Kinds of what may hold strings; all else is numbers.
KINDS = {
    "covariate_values_": "biuO",
    **dict.fromkeys(("covariate_names_", "embedding_names_", "feature_names_in_"), "O"),
    "topic_names_": "O",
}
# NaN for columns whose likelihood has no such thing.
OF_SOME_COLUMNS = {"scale_", "mean_length_"}
# What the last fit may have set or not: covariates are labels or numbers.
LABELS, NUMBERS = {"covariate_values_"}, {"covariate_mean_", "covariate_scale_"}
OPTIONAL = {
    *LABELS,
    *NUMBERS,
    "covariate_names_",
    "embedding_names_",
    "feature_names_in_",
    "n_matched_words_",
    "topic_names_",
}


class ModelFileError(ValueError):
    """A file is no model that this version of skvae can load.

    See Also
    --------
    load : Loads a file, or raises this.
    """


def register(cls):
    """Let files hold models of a class of this package; a decorator."""
    CLASSES[cls.__name__] = cls
    return cls


# --- values as JSON beside arrays -------------------------------------------------


def encode(value, name, arrays):
    """Return a value as JSON; its arrays go to `arrays`, under names that tell where.

    Raises
    ------
    TypeError
        If it is anything but plain values, tuples, lists, dicts and arrays of numbers
        or strings.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"__float__": str(value)}
    if isinstance(value, np.ndarray):
        if value.dtype.newbyteorder("=") in DTYPES.values():
            arrays[name] = np.asarray(value, value.dtype.newbyteorder("="), order="C")
            return {"__array__": name}
        if value.ndim == 1 and all(isinstance(word, str) for word in value):
            return {"__strings__": [str(word) for word in value]}
    if isinstance(value, slice):
        return {"__slice__": [value.start, value.stop, value.step]}
    if isinstance(value, tuple | list):
        items = [encode(v, f"{name}.{i}", arrays) for i, v in enumerate(value)]
        return {"__tuple__": items} if isinstance(value, tuple) else items
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: encode(v, f"{name}.{key}", arrays) for key, v in value.items()}
    raise TypeError(
        f"A model file holds plain values and arrays, but {name} is of the type "
        f"{type(value).__name__}."
    )


def decode(node, array):
    """Undo `encode`; ``array(name)`` returns an array."""
    if isinstance(node, list):
        return [decode(item, array) for item in node]
    if not isinstance(node, dict):
        return node
    match node if len(node) == 1 else None:
        case {"__array__": name}:
            return array(name)
        case {"__float__": ("inf" | "-inf" | "nan") as text}:
            return float(text)
        case {"__slice__": [_, _, _] as ends} if all(
            end is None or type(end) is int for end in ends
        ):
            return slice(*ends)
        case {"__tuple__": list(items)}:
            return tuple(decode(item, array) for item in items)
        case {"__strings__": list(words)} if all(isinstance(w, str) for w in words):
            return np.array(words, dtype=object)
    return {key: decode(item, array) for key, item in node.items()}


# --- saving -----------------------------------------------------------------------


def save(estimator, path):
    """Write a fitted estimator to a file; the same as its method `save`.

    Parameters
    ----------
    estimator : GSMTopicModel, NVDMTopicModel, ProdLDATopicModel or VAETransformer
        Fitted.
    path : str or path-like
        Of the file. One that exists is replaced once the new one is complete; a pipe or
        a device, such as /dev/stdout, is written to as it is.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is of another class or holds what a file cannot, such as callbacks.
    ValueError
        If a parameter has been set to a value that no fit would take, or if the names
        of the features take more than 100 MB.
    OSError
        If the file cannot be written. What was there before is still there. A path that
        is no place for a file is told before any work.
    """
    name = type(estimator).__name__
    if CLASSES.get(name) is not type(estimator):
        raise TypeError(
            f"{name} is none of the classes that model files hold: "
            f"{', '.join(CLASSES)}. Pickle it, with joblib for instance."
        )
    check_is_fitted(estimator, "net_")
    check_parameters(estimator)  # `load` does
    with replacing(path) as file:
        data = contents(estimator)
        start = 8 + len(BEGINNING)
        if data[8:start] != BEGINNING:
            raise RuntimeError("This version of safetensors writes another header.")
        file.write(data[:start])
        file.write(hashlib.sha256(data).hexdigest().encode())
        file.write(data[start + len(NO_CHECKSUM) :])


def contents(estimator):
    """All bytes of a file, as yet without its checksum."""
    name, arrays = type(estimator).__name__, {}
    document = {
        "sha256": NO_CHECKSUM.decode(),
        "format": FORMAT,
        "class": name,
        "versions": versions(),
        **{key: encode(v, key, arrays) for key, v in parts_of(estimator).items()},
    }
    text = json.dumps(document, allow_nan=False)
    data = memoryview(to_bytes(arrays, metadata={"skvae": text}))
    if found := excess(data[8 : 8 + int.from_bytes(data[:8], "little")], len(data)):
        raise ValueError(
            f"{name} cannot be saved: names and values that are no arrays take "
            f"{found}. Fit on arrays rather than on DataFrames with long names."
        )
    return data


def parts_of(estimator):
    """What a file holds of an estimator."""
    name = type(estimator).__name__
    state = estimator.__getstate__()
    net = state.pop("net_")
    for part in ("encoder", "decoder"):
        if net["config"].get(part) is not None:
            raise TypeError(
                f"{name} was fitted with {part}={net['config'][part]!r}, which only "
                "code can build, and model files hold none. Pickle it, with joblib "
                "for instance, and load no pickle that you do not trust."
            )
    params = estimator._params_to_save()
    del params["device"]  # of this machine
    for param, value in params.items():
        try:
            encode(value, param, {})
        except TypeError as error:
            raise TypeError(
                f"{name} cannot be saved with {param}={value!r}: model files hold "
                "plain values and arrays. Set it to another value, such as None, "
                f"with set_params(): fitted models need {param} for training alone. "
                "Or pickle the model."
            ) from error
    fitted = {key: state[key] for key in state if key.endswith("_")}
    output = state.get("_sklearn_output_config", {}).get("transform")
    asked = state.get("_metadata_request")
    requests = {
        method: dict(getattr(asked, method).requests)
        for method in (REQUESTING if asked else ())
    }
    known = {*params, *type(estimator)._layout(net["config"]), *STATE_BESIDE}
    if unknown := sorted(state.keys() - known):
        raise TypeError(
            f"{name} has the attributes {unknown}, which are none of its own and "
            "would be lost in a model file. Delete them, or pickle the model."
        )
    return {
        "params": params,
        "fitted": fitted,
        "net": net,
        "output": output,
        "requests": requests,
    }


# What pickles hold beside parameters and fitted attributes.
STATE_BESIDE = {
    "device",
    "_skl_callbacks",
    "_metadata_request",
    "_sklearn_output_config",
    "_skvae_version",
}
# Methods that ask scikit-learn for metadata.
REQUESTING = ("fit", "partial_fit", "transform", "inverse_transform", "score")


def excess(header, size):
    """What a header has too much of for a file of some size, in words, or "".

    Nothing is parsed for it: of a forged file, that alone would fill the memory.
    """
    if len(header) > MAX_HEADER:
        return f"{len(header)} bytes, and {MAX_HEADER} are the limit"
    found = sum(map(bytes(header).count, (b",", b":", b"[", b"{")))
    limit = MAX_MARKS + size // BYTES_PER_MARK
    return f"{found} marks of JSON, and {limit} are the limit" if found > limit else ""


# --- loading ----------------------------------------------------------------------


def load(path, device="cpu"):
    """Load a model that `save` has written.

    No code of the file is run, and nothing is built from it before all of it has been
    checked: a checksum over the whole file first, which guards against accidents; then
    the class, all parameters, and name, type and shape of every array, which guard
    against forgeries.

    Parameters
    ----------
    path : str or path-like
        A file that `save` has written.
    device : str, default="cpu"
        The torch device that the model infers and trains on, its parameter `device`
        from now on. It is not taken from the file.

    Returns
    -------
    estimator : GSMTopicModel, NVDMTopicModel, ProdLDATopicModel or VAETransformer
        It gives the results of the one that was saved, and trains on with
        `partial_fit` or `warm_start` as that would have.

    Raises
    ------
    ModelFileError
        If the file is no model, is damaged, or comes from a newer skvae.
    OSError
        If it cannot be read, or is a pipe or a device.
    ValueError
        If the device is not available.

    See Also
    --------
    GSMTopicModel.save : Writes such a file, as of all models.
    ModelFileError : What is raised of any other file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skvae
    >>> from skvae.datasets import make_topic_corpus
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = skvae.GSMTopicModel(3, max_epochs=5, random_state=0).fit(X)
    >>> path = Path(tempfile.mkdtemp()) / "topics.safetensors"
    >>> model.save(path)
    >>> loaded = skvae.load(path)
    >>> bool((loaded.transform(X) == model.transform(X)).all())
    True
    """
    target, path = resolve_device(device), Path(path).expanduser()
    check_plain(path)  # a pipe has nothing to go back to
    with open(path, "rb") as file:
        try:
            check_intact(file)
            cls, state = read(os.fspath(path))
        except (MemoryError, OSError):
            raise
        except Exception as error:
            reason = str(error) or type(error).__name__
            raise ModelFileError(
                f"{path} is no model for skvae: {reason:.1000}"
            ) from error
    estimator = cls(**state["params"], device=device)
    vars(estimator).update(state["fitted"])
    estimator._restore_net(state["net"], target)
    if state["output"] is not None:
        estimator.set_output(transform=state["output"])
    with config_context(enable_metadata_routing=True):
        for method, wanted in state["requests"].items():
            getattr(estimator, f"set_{method}_request")(**wanted)
    return estimator


def check_intact(file):
    """Raise ValueError unless the checksum is that of the open file."""
    start = file.read(8 + len(BEGINNING))
    if start[8:] != BEGINNING:
        raise ValueError("it does not begin as such a file does.")
    checksum = file.read(len(NO_CHECKSUM))
    found = hashlib.file_digest(file, lambda: hashlib.sha256(start + NO_CHECKSUM))
    if checksum != found.hexdigest().encode():
        raise ValueError(
            "it is damaged or incomplete, its checksum does not match. Copy it again "
            "from where it was saved, or save the model again."
        )
    size = file.seek(0, os.SEEK_END)
    file.seek(8)
    header = file.read(min(size, int.from_bytes(start[:8], "little")))
    if too_much := excess(header, size):
        raise ValueError(f"its header has {too_much}.")


def read(path):
    """Return class and state of a model in a file that is intact."""
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        text = metadata.pop("skvae")
        # Escapes in the header may have hidden entries.
        if too_much := excess(text.encode(), os.path.getsize(path)):
            raise ValueError(f"its document has {too_much}.")
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise ValueError(
                f"its format has the number {document['format']!r}, and skvae "
                f"{__version__} reads {FORMAT}. Update skvae."
            )
        if document["class"] not in CLASSES:
            raise ValueError(
                f"its class {document['class']!r} is none of {[*CLASSES]}."
            )
        cls = CLASSES[document["class"]]
        document.setdefault("requests", {})  # of before there were covariates
        tree = {key: document.pop(key) for key in PARTS}
        if odd := sorted({*metadata, *document} - {"sha256", *ABOUT}):
            raise ValueError(f"it has parts that are unknown: {odd}.")
        if not all(isinstance(v, str) for v in document["versions"].values()):
            raise ValueError("its versions are none.")
        unused = set(file.keys())

        def outline(name):
            """An array of the right type and shape that takes no memory."""
            unused.remove(name)
            entry = file.get_slice(name)
            zero = np.zeros((), DTYPES[entry.get_dtype()])
            return np.broadcast_to(zero, entry.get_shape())

        check_state(cls, cls._of_file(decode(tree, outline)))
        if unused:
            raise ValueError(f"it has arrays without a use: {sorted(unused)}.")
        state = cls._of_file(decode(tree, file.get_tensor))
    check_weights(state["net"]["weights"])
    check_moments(state["net"]["optimizer"])
    check_finite(state["fitted"], state["net"]["config"].get("likelihood", ""))
    check_ascending(state["fitted"].get("covariate_values_", ()))
    if not np.all(state["fitted"].get("covariate_scale_", 1) > 0):
        raise ValueError("the scale of its covariates is not positive.")
    return cls, state


def check_state(cls, state):
    """Raise an exception unless a state, of any arrays, is that of a fitted model."""
    params, net, fitted = state["params"], state["net"], state["fitted"]
    # A parameter that came later than the file has its default, as before it was there.
    if odd := sorted(params.keys() - ({*cls._get_param_names()} - {"device"})):
        raise ValueError(f"its parameters are not those of {cls.__name__}: {odd}.")
    check_parameters(cls(**params))
    if state["output"] not in (None, "default", "pandas", "polars"):
        raise ValueError(f"its output is {state['output']!r}.")
    check_requests(state["requests"])
    check_net(cls, net)
    check_fitted(cls, fitted, net)


def check_requests(requests):
    """Check what each method asks for, by the name of what it is to be given."""
    for method, wanted in requests.items():
        known = {"covariates", "embeddings"}
        known |= {"sample_weight"} if method == "score" else set()
        plain = all(
            v in (None, True, False) or str.isidentifier(v) for v in wanted.values()
        )
        if method not in REQUESTING or not wanted.keys() <= known or not plain:
            raise ValueError(f"its {method!r} asks for {wanted!r}.")


def check_net(cls, net):
    """Check all that a net is made from against the module that it is to be."""
    if net.keys() != PARTS_OF_NET:
        raise ValueError(f"its net has other parts: {sorted(net)}.")
    config = dict(net["config"])
    kinds = "n_features", "n_covariates", "n_embedding_features"
    sizes = [config.pop(kind) for kind in kinds]
    sees_gaps = config.pop("sees_gaps")
    scaled_counts = config.pop("scaled_counts", None)
    for key in ("hidden_layer_sizes", "channels"):  # of no more layers than weights
        if len(config.get(key, ())) > len(net["weights"]):
            raise ValueError(f"it has no weights for its {key}.")
    model = cls(**config)
    check_parameters(model)
    plain = all(type(size) is int for size in sizes) and type(sees_gaps) is bool
    expected = model._config(*sizes, sees_gaps, **config)
    if scaled_counts is False and "scaled_counts" in expected:  # as of an older file
        expected["scaled_counts"] = False
    if not plain or expected != net["config"]:
        raise ValueError("its configuration is not one that a fit makes.")
    with torch.device("meta"):  # of any size, without memory
        module = cls._build_module(net["config"], torch.Generator("cpu")).float()
    expected = {key: outline_of(w) for key, w in module.state_dict().items()}
    if {key: outline_of(w) for key, w in net["weights"].items()} != expected:
        raise ValueError("its weights are not those of its configuration.")
    parameters = dict(module.named_parameters())
    for name, moments in net["optimizer"].items():
        like = outline_of(parameters[name])
        expected = {"step": ((), "float32"), "exp_avg": like, "exp_avg_sq": like}
        if {key: outline_of(v) for key, v in moments.items()} != expected:
            raise ValueError(f"its optimizer has no moments of {name}.")
    if type(net["seed"]) is not int or not 0 <= net["seed"] < 2**31:
        raise ValueError(f"its seed is {net['seed']!r}.")
    for epoch, row in enumerate(net["history"], start=1):
        check_epoch(epoch, row)


def check_epoch(epoch, row):
    """Check what each epoch records; callbacks of users may have recorded more."""
    known = {key: row[key] for key in ("train_loss", "reconstruction", "kl", "dur")}
    known |= {key: row[key] for key in {"valid_loss"} & row.keys()}
    sound = all(type(v) is float and math.isfinite(v) for v in known.values())
    if type(row["epoch"]) is not int or row["epoch"] != epoch or not sound:
        raise ValueError(f"its history has no epoch {epoch}.")
    if "batches" in row:
        raise ValueError(f"its epoch {epoch} has batches, which no file has.")


def check_fitted(cls, fitted, net):
    """Check names and shapes of fitted attributes."""
    layout = cls._layout(net["config"])
    if not layout.keys() - OPTIONAL <= fitted.keys() <= layout.keys():
        odd = sorted(fitted.keys() ^ layout.keys())
        raise ValueError(f"its attributes are not those of {cls.__name__}: {odd}.")
    if LABELS & layout.keys():
        if fitted.keys() & (LABELS | NUMBERS) not in (LABELS, NUMBERS):
            raise ValueError("its covariates are neither labels nor numbers.")
    for name, value in fitted.items():
        if not fits(value, layout[name], KINDS.get(name, "biuf")):
            raise ValueError(f"its attribute {name} is not one that a fit makes.")
    if fitted["n_iter_"] != len(net["history"]):
        raise ValueError(f"it has no history of {fitted['n_iter_']!r} epochs.")
    if fitted["n_features_in_"] != net["config"]["n_features"]:
        raise ValueError(f"its features are not {fitted['n_features_in_']!r}.")


def outline_of(array):
    return tuple(array.shape), str(array.dtype).removeprefix("torch.")


def fits(value, shape, kinds):
    """Whether a value has a shape, where None is any length, and a kind of entries."""
    if isinstance(shape, dict):
        return value.keys() == shape.keys() and all(
            fits(value[key], shape[key], kinds) for key in shape
        )
    value = np.asarray(value)
    if value.size == 0 and None in shape:  # an empty list has no further axes
        return True
    return (
        value.dtype.kind in kinds
        and len(value.shape) == len(shape)
        and all(wanted in (None, found) for found, wanted in zip(value.shape, shape))
    )


def check_ascending(values):
    if not all(a < b for a, b in pairwise(values)):
        raise ValueError("the values of its covariates are not in order.")


def check_weights(weights):
    check_finite(weights)
    for name, value in weights.items():
        if name.endswith(("running_var", "num_batches_tracked")) and (value < 0).any():
            raise ValueError(f"its {name} is negative.")


def check_moments(optimizer):
    """Check Adam's moments; squares are infinite where gradients were very large."""
    for name, moments in optimizer.items():
        step = float(moments["step"])
        if not (step >= 1 and step.is_integer() and (moments["exp_avg_sq"] >= 0).all()):
            raise ValueError(f"its optimizer has moments of {name} that none leaves.")
        check_finite({f"moment of {name}": moments["exp_avg"]})


def check_finite(values, likelihood=""):
    for name, value in values.items():
        value = np.asarray(value)
        if value.dtype.kind == "f":
            if name in OF_SOME_COLUMNS and not isinstance(likelihood, str):
                value = np.nan_to_num(value, posinf=np.inf, neginf=-np.inf)
            if not np.isfinite(value).all():
                raise ValueError(f"its {name} has values that are NaN or infinite.")
