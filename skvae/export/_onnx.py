"""The encoder as an ONNX graph."""

import copy
import json
import logging
import warnings

import torch
from sklearn.utils.validation import check_is_fitted

from skvae.models.base import BaseVAE
from skvae.models.inference import own_settings
from skvae.nn.rows import RowsWithGaps
from skvae.utils.files import replacing
from skvae.utils.version import __version__

# The exporter of those before fails on the models.
OLDEST_TORCH = "2.8"


class Transform(torch.nn.Module):
    """From rows to what `transform` makes of them."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, X):
        if self.module.encoder.sees_gaps:
            X = RowsWithGaps.from_dense(X)
        return self.module.codes(X)


def to_onnx(model, path):
    """Write what `transform` computes as an ONNX graph.

    It runs wherever there is an ONNX runtime, without Python or skvae. Input "X" holds
    dense rows in single precision, of shape (n_samples, n_features) with any number of
    rows, with NaN if the model was fitted to rows with missing values; output "codes"
    what `transform` makes of them, to about six digits.

    Parameters
    ----------
    model : GSMTopicModel, NVDMTopicModel, ProdLDATopicModel or VAETransformer
        Fitted. Of a Pipeline export the last step, and count words elsewhere.
    path : str or path-like
        Path of the file. An existing file is replaced once the new one is complete.

    Raises
    ------
    ImportError
        If onnxscript is not installed: ``pip install 'skvae[onnx]'``; or if PyTorch is
        older than 2.8.
    NotFittedError
        If the model is not fitted.
    TypeError
        If it is none of skvae's models.
    ValueError
        If it was fitted with covariates or embeddings.
    OSError
        If the file cannot be written. An existing file is left as it was.

    See Also
    --------
    skvae.load : For programs with skvae.
    model_card : What the model is, for people.

    Notes
    -----
    The metadata of the graph hold the class and skvae's version, and if the model knows
    them the names of its features, as a list in JSON under "feature_names".

    Examples
    --------
    >>> import onnxruntime  # doctest: +SKIP
    >>> import numpy as np
    >>> from skvae import GSMTopicModel
    >>> from skvae.datasets import make_topic_corpus
    >>> from skvae.export import to_onnx
    >>> X = make_topic_corpus(200, 50, 3, random_state=0).data
    >>> model = GSMTopicModel(3, max_epochs=2, random_state=0).fit(X)
    >>> to_onnx(model, "topics.onnx")  # doctest: +SKIP
    >>> session = onnxruntime.InferenceSession("topics.onnx")  # doctest: +SKIP
    >>> rows = X[:5].toarray().astype(np.float32)
    >>> (codes,) = session.run(["codes"], {"X": rows})  # doctest: +SKIP
    """
    if not isinstance(model, BaseVAE):
        raise TypeError(
            f"to_onnx takes a model of skvae, not a {type(model).__name__}."
        )
    check_is_fitted(model, "net_")
    config = model.net_.config
    widths = {"n_covariates": "covariates", "n_embedding_features": "embeddings"}
    for key, kind in widths.items():
        if config[key]:
            name = type(model).__name__
            raise ValueError(f"to_onnx takes no {name} that was fitted with {kind}.")
    if torch.__version__ < OLDEST_TORCH:
        raise ImportError(
            f"to_onnx needs PyTorch {OLDEST_TORCH} or newer, found {torch.__version__}."
        )
    try:
        import onnxscript  # noqa: F401, torch's exporter needs it
    except ImportError as error:
        message = "to_onnx needs onnxscript: pip install 'skvae[onnx]'"
        raise ImportError(message) from error
    with replacing(path) as file:
        file.write(_graph(model).SerializeToString())


def _graph(model):
    """The graph, with what it should tell of the model."""
    # Single precision, as runtimes like it and as the model was trained.
    module = copy.deepcopy(model.net_.module_).cpu().eval().requires_grad_(False)
    n_samples = torch.export.Dim("n_samples")
    log = logging.getLogger("torch.onnx")
    level = log.level
    try:
        log.setLevel(logging.ERROR)  # it misses torchvision, whatever is exported
        with own_settings(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, on what it deprecates
            program = torch.onnx.export(
                Transform(module).eval(),
                (torch.zeros(2, model.n_features_in_),),
                dynamo=True,
                dynamic_shapes={"X": {0: n_samples}},
                input_names=["X"],
                output_names=["codes"],
                verbose=False,
            )
    finally:
        log.setLevel(level)
    graph = program.model_proto
    graph.producer_name, graph.producer_version = "skvae", __version__
    about = {"class": type(model).__name__, "skvae": __version__}
    if hasattr(model, "feature_names_in_"):
        about["feature_names"] = json.dumps(list(model.feature_names_in_))
    for key, value in about.items():
        graph.metadata_props.add(key=key, value=value)
    return graph
