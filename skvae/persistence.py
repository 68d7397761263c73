"""Models in files that hold no code.

A model file is one safetensors file: arrays, and a JSON document in its metadata. The
document has the format's version, the class, the constructor's parameters, the fitted
attributes, what the net needs to train on, and a checksum of all of it.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save as to_bytes
from sklearn import config_context
from sklearn.utils.validation import check_is_fitted

from skvae.training.net import resolve_device
from skvae.utils.files import replacing
from skvae.utils.validation import check_parameters
from skvae.utils.version import __version__, versions

__all__ = ["ModelFileError", "load", "register", "save"]

FORMAT = 1
MAX_HEADER = 100_000_000  # bytes, the limit of safetensors
# A file may name these classes and no others: those that have called `register`.
CLASSES = {}
# Methods that ask scikit-learn for metadata.
REQUESTING = "fit", "partial_fit", "transform", "inverse_transform", "score"
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
    if isinstance(value, list):
        return [encode(v, f"{name}.{i}", arrays) for i, v in enumerate(value)]
    if isinstance(value, tuple | range):
        return {"__tuple__": encode(list(value), name, arrays)}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: encode(v, f"{name}.{key}", arrays) for key, v in value.items()}
    raise TypeError(
        f"Model files hold no {type(value).__name__}, as {name} is. Set a parameter "
        "that only training needs to None with set_params(), or pickle the model."
    )


def decode(node, arrays):
    """Undo `encode`."""
    match node:
        case list():
            return [decode(item, arrays) for item in node]
        case {"__array__": name}:
            return arrays[name]
        case {"__strings__": words}:
            return np.array(words, dtype=object)
        case {"__slice__": ends}:
            return slice(*ends)
        case {"__tuple__": items}:
            return tuple(decode(items, arrays))
        case dict():
            return {key: decode(item, arrays) for key, item in node.items()}
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
    """Write a fitted estimator to a file; the same as its method `save`.

    Parameters
    ----------
    estimator : GSMTopicModel, NVDMTopicModel, ProdLDATopicModel or VAETransformer
        Fitted.
    path : str or path-like
        Path of the file. An existing file is replaced once the new one is complete.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is of another class or holds what a file cannot, such as callbacks.
    ValueError
        If a parameter has been set to a value that `fit` would refuse, or if the names
        of the features take more than 100 MB.
    OSError
        If the file cannot be written. An existing file is left as it was.
    """
    name = type(estimator).__name__
    if CLASSES.get(name) is not type(estimator):
        raise TypeError(
            f"Model files hold {', '.join(CLASSES)}, not {name}. Pickle it."
        )
    check_is_fitted(estimator, "net_")
    check_parameters(estimator)  # as `load` does
    with replacing(path) as file:
        arrays = {}
        document = {
            "sha256": None,
            "format": FORMAT,
            "class": name,
            "versions": versions(),
            **contents(estimator, arrays),
        }
        document["sha256"] = checksum(document, arrays)
        data = to_bytes(arrays, metadata={"skvae": json.dumps(document)})
        if (size := int.from_bytes(data[:8], "little")) > MAX_HEADER:
            raise ValueError(
                f"{name} cannot be saved: the names of its features take {size} bytes, "
                f"more than {MAX_HEADER}. Fit it on an array instead of a DataFrame."
            )
        file.write(data)


def contents(estimator, arrays):
    """Return what a file holds of an estimator, as JSON and arrays."""
    name = type(estimator).__name__
    state = estimator.__getstate__()
    params = estimator._params_to_save()
    fitted = {key: state[key] for key in state if key.endswith("_")}
    net = fitted.pop("net_")
    if unknown := sorted(state.keys() - {*params, *fitted, "net_"} - SETTINGS):
        raise TypeError(
            f"{name} has the attributes {unknown}, which a model file does not keep. "
            "Delete them, or pickle the model."
        )
    for part in ("encoder", "decoder"):
        if net["config"].get(part) is not None:
            raise TypeError(
                f"{name} was fitted with {part}={net['config'][part]!r}, but model "
                "files hold no code. Pickle it, for example with joblib."
            )
    del params["device"]  # of this machine
    asked = state.get("_metadata_request")
    parts = {
        "params": params,
        "fitted": fitted,
        "net": net,
        "output": state.get("_sklearn_output_config", {}).get("transform"),
        "requests": {
            method: dict(getattr(asked, method).requests)
            for method in (REQUESTING if asked else ())
        },
    }
    return {key: encode(part, key, arrays) for key, part in parts.items()}


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
    estimator : GSMTopicModel, NVDMTopicModel, ProdLDATopicModel or VAETransformer
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
    try:
        with open(path, "rb"), safe_open(path, framework="numpy") as file:
            document = json.loads(file.metadata()["skvae"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}
        check_document(document, arrays)
        return restore(document, arrays, device, target)
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
    if document["class"] not in CLASSES:
        raise ValueError(f"its class {document['class']!r} is not registered.")


def restore(document, arrays, device, target):
    """Return the estimator; `target` is the torch device that `device` stands for."""
    params, fitted, net, output, requests = (
        decode(document[key], arrays)
        for key in ("params", "fitted", "net", "output", "requests")
    )
    estimator = CLASSES[document["class"]](**params, device=device)
    check_parameters(estimator)
    vars(estimator).update(fitted)
    estimator._restore_net(net, target)
    if output is not None:
        estimator.set_output(transform=output)
    with config_context(enable_metadata_routing=True):
        for method, wanted in requests.items():
            getattr(estimator, f"set_{method}_request")(**wanted)
    return estimator
