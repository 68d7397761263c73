"""Models in files that hold no code.

A model file is one safetensors file: arrays, and a JSON document in its metadata. The
document has the format's version, the class, the constructor's parameters, the fitted
attributes, what the net needs to train on, and a checksum of all of it. Estimators
within others, such as the steps of a Pipeline, are kept in the same way.
"""

import hashlib
import importlib
import json
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save as to_bytes
from sklearn import config_context
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from skvae.training.net import resolve_device
from skvae.utils.files import replacing
from skvae.utils.validation import check_parameters
from skvae.utils.version import __version__, versions

__all__ = ["ModelFileError", "load", "register", "save"]

FORMAT = 1
MAX_HEADER = 100_000_000  # bytes, the limit of safetensors
# A file may name these classes and no others: those that have called `register`, and
# what text Pipelines and clusters are made of, by their modules.
CLASSES = {}
PARTS = {
    "CountVectorizer": "sklearn.feature_extraction.text",
    "FeatureUnion": "sklearn.pipeline",
    "GaussianMixture": "sklearn.mixture",
    "PCA": "sklearn.decomposition",
    "Pipeline": "sklearn.pipeline",
    "SentenceEncoder": "skvae.text",
    "TextVectorizer": "skvae.text",
}
# Methods that ask scikit-learn for metadata.
REQUESTING = (
    "fit",
    "partial_fit",
    "transform",
    "inverse_transform",
    "predict",
    "score",
)
# Parameters that neither a file nor whoever changed it decides.
OF_A_MACHINE = "cache", "device", "memory"
# What estimators hold next to parameters and fitted attributes.
SETTINGS = {"_metadata_request", "_sklearn_output_config", "_skl_callbacks"}


class ModelFileError(ValueError):
    """A file is not a model that this version of skvae can load.

    See Also
    --------
    load : Loads a file, or raises this error.
    """


def register(cls):
    """Let files hold models of a class of this package; a decorator."""
    CLASSES[cls.__name__] = cls
    return cls


# --- values as JSON and arrays ----------------------------------------------------


def class_of(name):
    """Return the class that a file may name so, or None."""
    if name in PARTS:
        return getattr(importlib.import_module(PARTS[name]), name)
    return CLASSES.get(name)


def encode(value, name, arrays):
    """Return a value as JSON; its arrays go to `arrays`, under names that tell where.

    Raises
    ------
    TypeError
        If it is anything but plain values, tuples, lists, dicts, arrays of numbers or
        strings, types of numbers, and estimators of known classes.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        arrays[name] = np.asarray(value, value.dtype.newbyteorder("="), order="C")
        return {"__array__": name}
    if isinstance(value, np.ndarray) and value.ndim == 1:
        return {"__strings__": encode(value.tolist(), name, arrays)}
    if isinstance(value, slice):
        ends = [value.start, value.stop, value.step]
        return {"__slice__": encode(ends, name, arrays)}
    if isinstance(value, type) and issubclass(value, np.generic):
        return {"__dtype__": value.__name__}
    if isinstance(value, BaseEstimator):
        return {"__estimator__": contents(value, f"{name}.", arrays)}
    if isinstance(value, tuple) and value and isinstance(value[-1], BaseEstimator):
        step, estimator = value
        return {"__tuple__": [step, encode(estimator, f"{name}.{step}", arrays)]}
    if isinstance(value, list):
        return [encode(v, f"{name}.{i}", arrays) for i, v in enumerate(value)]
    if isinstance(value, tuple | range):
        return {"__tuple__": encode(list(value), name, arrays)}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        if any(key.startswith("__") for key in value):  # such as marks of this format
            pairs = [[key, value[key]] for key in value]
            return {"__dict__": encode(pairs, name, arrays)}
        return {key: encode(v, f"{name}.{key}", arrays) for key, v in value.items()}
    raise TypeError(
        f"Model files hold no {type(value).__name__}, as {name} is. Set it to None "
        "with set_params() if only training needs it, or pickle the model. Functions "
        "must then be defined in a module."
    )


def decode(node, arrays, device="cpu"):
    """Undo `encode`; `device` is for nets."""
    match node:
        case list():
            return [decode(item, arrays, device) for item in node]
        case {"__dict__": pairs}:
            return {key: decode(item, arrays, device) for key, item in pairs}
        case {"__estimator__": parts}:
            return restore(parts, arrays, device)
        case {"__dtype__": name}:
            return np.dtype(name).type
        case {"__array__": name}:
            return arrays[name]
        case {"__strings__": words}:
            return np.array(words, dtype=object)
        case {"__slice__": ends}:
            return slice(*ends)
        case {"__tuple__": items}:
            return tuple(decode(items, arrays, device))
        case dict():
            return {key: decode(item, arrays, device) for key, item in node.items()}
    return node


def checksum(document, arrays):
    """Return a hash of the document without its own checksum, and of all arrays."""
    text = json.dumps({**document, "sha256": None})
    sha = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        sha.update(f"{name} {array.dtype} {array.shape}".encode())
        sha.update(array)
    return sha.hexdigest()


# --- saving -----------------------------------------------------------------------


def save(estimator, path):
    """Write a fitted model to one safetensors file, which holds no code.

    `skvae.load` reads it. It holds the parameters, all that was fitted and what
    training needs to go on, but no training data. The parameter `device` is left out,
    and `word_embeddings` become an array.

    Parameters
    ----------
    estimator : ClusterTopicModel, GSMTopicModel, NVDMTopicModel, ProdLDATopicModel, \
VAETransformer or Pipeline
        Fitted. A Pipeline may have steps that are `CountVectorizer` or those of
        `skvae.text.make_text_pipeline`, with an encoder given by name.
    path : str or path-like
        Path of the file. An existing file is replaced once the new one is complete.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is of another class or holds what a file cannot, such as callbacks,
        tokenizers and other functions.
    ValueError
        If a parameter has been set to a value that `fit` would refuse, or if the names
        of the features take more than 100 MB.
    OSError
        If the file cannot be written. An existing file is left as it was.

    See Also
    --------
    load : Loads such a file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import skvae
    >>> from skvae.text import make_text_pipeline
    >>> texts = ["apples and pears", "pears and plums", "trains and planes"] * 20
    >>> model = make_text_pipeline(2).fit(texts)
    >>> path = Path(tempfile.mkdtemp()) / "topics.safetensors"
    >>> skvae.save(model, path)
    >>> skvae.load(path).transform(texts).shape
    (60, 2)
    """
    name = type(estimator).__name__
    check_class(estimator)
    for _, part in getattr(estimator, "steps", [("", estimator)]):
        if isinstance(part, BaseEstimator):
            check_is_fitted(part)
    with replacing(path) as file:
        arrays = {}
        document = {
            "sha256": None,
            "format": FORMAT,
            "versions": versions(),
            **contents(estimator, "", arrays),
        }
        document["sha256"] = checksum(document, arrays)
        data = to_bytes(arrays, metadata={"skvae": json.dumps(document)})
        if (size := int.from_bytes(data[:8], "little")) > MAX_HEADER:
            raise ValueError(
                f"{name} cannot be saved: the names of its features take {size} bytes, "
                f"more than {MAX_HEADER}. Fit it on an array instead of a DataFrame."
            )
        file.write(data)


def check_class(estimator):
    """Raise TypeError for an estimator that files do not hold."""
    cls = type(estimator)
    if class_of(cls.__name__) is not cls:
        raise TypeError(
            f"Model files hold {', '.join(CLASSES)} and text Pipelines, not "
            f"{cls.__name__}. Pickle it."
        )


def contents(estimator, within, arrays):
    """Return what a file holds of an estimator, as JSON and arrays."""
    check_class(estimator)
    name = type(estimator).__name__
    state = estimator.__getstate__()
    fitted = {key: state[key] for key in state if key.endswith("_") and key[0] != "_"}
    net = fitted.pop("net_", None)
    params = estimator.get_params(deep=False)
    if name in CLASSES:
        check_parameters(estimator)  # as `load` does
        if hasattr(estimator, "_params_to_save"):
            params = estimator._params_to_save()
        if unknown := sorted(state.keys() - {*params, *fitted, "net_"} - SETTINGS):
            raise TypeError(
                f"{name} has the attributes {unknown}, which a model file does not "
                "keep. Delete them, or pickle the model."
            )
    for part in ("encoder", "decoder"):
        if net is not None and net["config"].get(part) is not None:
            raise TypeError(
                f"{name} was fitted with {part}={net['config'][part]!r}, but model "
                "files hold no code. Pickle it, for example with joblib."
            )
    for parameter in OF_A_MACHINE:
        params.pop(parameter, None)
    asked = state.get("_metadata_request")
    parts = {
        "class": name,
        "params": params,
        "fitted": fitted,
        "net": net,
        "output": state.get("_sklearn_output_config", {}).get("transform"),
        "requests": {
            method: dict(getattr(asked, method).requests)
            for method in (REQUESTING if asked else ())
            if getattr(asked, method).requests and hasattr(estimator, method)
        },
    }
    return {key: encode(part, within + key, arrays) for key, part in parts.items()}


# --- loading ----------------------------------------------------------------------


def load(path, device="cpu"):
    """Load a model that `save` has written.

    No code from the file is run, and its checksum is verified before the model is
    built.

    Parameters
    ----------
    path : str or path-like
        A file that `save` has written.
    device : str, default="cpu"
        The torch device for inference and training, which becomes the parameter
        `device`. Files do not record it.

    Returns
    -------
    estimator : estimator or Pipeline
        The model as it was saved: it gives the same results, and goes on training with
        `partial_fit` or `warm_start` in the same way.

    Raises
    ------
    ModelFileError
        If the file is not a model, is damaged, or comes from a newer skvae.
    OSError
        If it cannot be read.
    ValueError
        If the device is not available.

    See Also
    --------
    save : Writes such a file.
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
    >>> skvae.save(model, path)
    >>> loaded = skvae.load(path)
    >>> bool((loaded.transform(X) == model.transform(X)).all())
    True
    """
    resolve_device(device)  # which checks it
    path = Path(path).expanduser()
    try:
        with open(path, "rb"), safe_open(path, framework="numpy") as file:
            document = json.loads(file.metadata()["skvae"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}
        check_document(document, arrays)
        return restore(document, arrays, device)
    except (MemoryError, OSError):
        raise
    except Exception as error:  # those of safetensors, json and torch
        raise ModelFileError(
            f"{path} is not a model that skvae can load: {error}"
        ) from error


def check_document(document, arrays):
    """Raise ValueError for a newer format, damage, or an unknown class."""
    if document["format"] != FORMAT:
        raise ValueError(
            f"its format is {document['format']!r}, and skvae {__version__} reads "
            f"{FORMAT}. Update skvae."
        )
    if document["sha256"] != checksum(document, arrays):
        raise ValueError("its checksum does not match. Copy or save it again.")


def restore(document, arrays, device):
    """Return an estimator."""
    params, fitted, net, output, requests = (
        decode(document[key], arrays, device)
        for key in ("params", "fitted", "net", "output", "requests")
    )
    name = document["class"]
    if (cls := class_of(name)) is None:
        raise ValueError(f"its class {name!r} is not registered.")
    estimator = cls(**{k: v for k, v in params.items() if k not in OF_A_MACHINE})
    if "device" in estimator.get_params(deep=False):
        estimator.set_params(device=device)
    if hasattr(cls, "_parameter_constraints"):  # which FeatureUnion lacks
        check_parameters(estimator)
    if strange := [key for key in fitted if not key.endswith("_") or key[0] == "_"]:
        raise ValueError(f"{name} has no fitted attribute {strange[0]!r}.")
    vars(estimator).update(fitted)
    if net is not None:
        estimator._restore_net(net, resolve_device(device))
    if output is not None:
        estimator.set_output(transform=output)
    with config_context(enable_metadata_routing=True):
        for method, wanted in requests.items():
            getattr(estimator, f"set_{method}_request")(**wanted)
    return estimator
