"""What several test files need."""

import hashlib
import io
import tempfile

import joblib

import skvae


def digest(model):
    """Hash of all weights of a fitted model: equal if they agree in every bit."""
    sha = hashlib.sha256()
    for key, value in model.net_.module_.state_dict().items():
        sha.update(key.encode() + value.numpy().tobytes())
    return sha.hexdigest()


def through_joblib(estimator):
    buffer = io.BytesIO()
    joblib.dump(estimator, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def through_file(model):
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model")
        return skvae.load(f"{folder}/model")
