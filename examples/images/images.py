"""Images that the examples in this folder load."""

import socket
import warnings

import numpy as np
from sklearn.datasets import fetch_openml, load_digits, load_sample_images
from sklearn.feature_extraction.image import extract_patches_2d


def fetch(name, version):
    """Return images of OpenML, cached or downloaded, or raise OSError."""
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(10)  # a network that swallows packets is no network
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on the retries that follow a failure
            return fetch_openml(
                name,
                version=version,
                parser="auto",
                as_frame=False,
                return_X_y=True,
                n_retries=1,
            )
    finally:
        socket.setdefaulttimeout(timeout)


def load_digit_images(n_samples):
    """Return images of digits, values from 0 to 1, their labels and their shape.

    The first images of MNIST, 28 x 28, or scikit-learn's bundled digits, 8 x 8.
    """
    try:
        X, y = fetch("mnist_784", 1)
        X, shape = X / 255, (28, 28)
    except OSError:
        print("MNIST is neither cached nor to be had: taking digits of 8 x 8 pixels.")
        X, y = load_digits(return_X_y=True)
        X, shape = X / 16, (8, 8)
    return X[:n_samples].astype(np.float32), y[:n_samples].astype(int), shape


def load_colour_images(n_samples, path=None):
    """Return small colour images, channels first, values from 0 to 1, and their shape.

    Those of an .npz file with an array X_train of rows of (height, width, channels), of
    CIFAR-10 where OpenML is cached or at hand, or patches of the two photographs that
    come with scikit-learn.
    """
    try:
        X = np.load(path)["X_train"] if path else fetch("CIFAR_10_small", 1)[0]
        if not path:  # its rows are channels first already
            X = X.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    except OSError:
        print(
            "CIFAR-10 is neither cached nor to be had: taking patches of photographs."
        )
        X = np.concatenate(
            [
                extract_patches_2d(image, (32, 32), max_patches=2500, random_state=0)
                for image in load_sample_images().images
            ]
        )
    X = np.random.default_rng(0).permutation(X.reshape(-1, 32, 32, 3))[:n_samples]
    X = X.transpose(0, 3, 1, 2).reshape(len(X), -1)
    return (X / 255).astype(np.float32), (3, 32, 32)
