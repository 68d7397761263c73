"""Write the golden files that are missing: run it for a new format or a new class.

``python tests/data/make_format.py`` fits a small model of each class, and one that
takes columns for embeddings, saves it and what it gives, in the present format. No file
is ever written again.
"""

from functools import partial
from pathlib import Path

import numpy as np

from skvae.persistence import CLASSES, FORMAT

MODELS = {
    **CLASSES,
    "embeddings": partial(CLASSES["GSMTopicModel"], embedding_columns=slice(-2, None)),
}


def main():
    folder = Path(__file__).parent / f"format_{FORMAT}"
    folder.mkdir(exist_ok=True)
    X = np.random.default_rng(0).poisson(1.0, (30, 8)).astype(float)
    for name, make in MODELS.items():
        if (folder / f"{name}.npz").exists():
            continue
        model = make(3, hidden_layer_sizes=(4,), max_epochs=2, random_state=0).fit(X)
        model.save(folder / f"{name}.safetensors")
        results = {
            "X": X,
            "transform": model.transform(X),
            "score_samples": model.score_samples(X),
            "inverse_transform": model.inverse_transform(model.transform(X)),
        }
        results["after partial_fit"] = model.partial_fit(X).transform(X)
        np.savez_compressed(folder / f"{name}.npz", **results)


if __name__ == "__main__":
    main()
