"""Write the golden files that are missing: run it for a new format or a new class.

``python tests/data/make_format.py`` fits a small model of each class, one that takes
columns for embeddings, one with a linear path, and one of columns of several kinds with
missing values, saves it and what it gives, in the present format. No file is ever
written again.
"""

from functools import partial
from pathlib import Path

import numpy as np
import torch

from skvae.persistence import CLASSES, FORMAT

MODELS = {
    **CLASSES,
    "embeddings": partial(CLASSES["GSMTopicModel"], embedding_columns=slice(-2, None)),
    # With a linear path, which the first one of its class has not.
    "linear_path": partial(CLASSES["VAETransformer"], linear_path=True),
    "mixed": partial(
        CLASSES["VAETransformer"],
        likelihood=[
            ("gaussian", [0, 7]),
            ("categorical", [1, 2]),
            ("poisson", slice(3, 5)),
            ("negative-binomial", [5]),
            ("bernoulli", [6]),
        ],
    ),
}


def mixed(X):
    """Rows of several kinds, some of whose values are missing."""
    X = X.copy()
    X[:, 1] = X[:, 1] > 0
    X[:, 2], X[:, 6] = 1 - X[:, 1], X[:, 6] > 1
    X[::3, 0] = X[::4, 3] = X[::5, 1:3] = np.nan
    return X


def main():
    torch.set_num_threads(1)  # as the tests
    folder = Path(__file__).parent / f"format_{FORMAT}"
    folder.mkdir(exist_ok=True)
    X = np.random.default_rng(0).poisson(1.0, (30, 8)).astype(float)
    for name, make in MODELS.items():
        if (folder / f"{name}.npz").exists():
            continue
        rows = mixed(X) if name == "mixed" else X
        model = make(3, hidden_layer_sizes=(4,), max_epochs=2, random_state=0)
        model.fit(rows).save(folder / f"{name}.safetensors")
        results = {
            "X": rows,
            "transform": model.transform(rows),
            "score_samples": model.score_samples(rows),
            "inverse_transform": model.inverse_transform(model.transform(rows)),
        }
        results["after partial_fit"] = model.partial_fit(rows).transform(rows)
        np.savez_compressed(folder / f"{name}.npz", **results)


if __name__ == "__main__":
    main()
