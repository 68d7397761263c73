"""
Denoising autoencoder
=====================

A denoising autoencoder sees corrupted images in training and is asked for the intact
ones. `denoising` is the deviation of the noise, or the share of the pixels that are
masked; either way the corruption stays at the encoder's input.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split

from skvae import VAETransformer
from skvae.datasets import fetch_example_images
from skvae.plotting import draw_images

digits = fetch_example_images()
X, y = digits.data[:8000], digits.target[:8000]
X_train, X_test = train_test_split(X, test_size=1 / 8, stratify=y, random_state=0)
rng = np.random.default_rng(0)
noisy = X_test + 0.5 * rng.standard_normal(X_test.shape, dtype=np.float32)
masked = np.where(rng.random(X_test.shape) < 0.5, 0, X_test).astype(np.float32)

params = dict(likelihood="bernoulli", variational=False, max_epochs=20, random_state=0)


def restore(model, rows):
    # Noise leaves [0, 1], where the Bernoulli likelihood lives.
    return model.reconstruct(rows.clip(0, 1))


plain = VAETransformer(32, **params).fit(X_train)
pca = PCA(32).fit(X_train)
figure, axes = plt.subplots(2, 1, figsize=(9, 6.6), layout="constrained")
for ax, (corruption, level, rows) in zip(
    axes, [("gaussian", 0.5, noisy), ("masking", 0.5, masked)], strict=True
):
    denoising = VAETransformer(32, denoising=level, corruption=corruption, **params)
    denoising.fit(X_train)
    restored = {
        "nothing": rows,
        "PCA": pca.inverse_transform(pca.transform(rows)),
        "a plain autoencoder": restore(plain, rows),
        "a denoising autoencoder": restore(denoising, rows),
    }
    errors = {name: ((r - X_test) ** 2).mean() for name, r in restored.items()}
    table = ", ".join(f"{name} {error:.4f}" for name, error in errors.items())
    print(f"{corruption}, squared error of a pixel, restored by: {table}")
    n = 16
    shown = np.concatenate([X_test[:n], *(r[:n] for r in restored.values())])
    title = (
        f"{corruption} noise: images, corrupted, restored by PCA, by a plain and by "
    )
    title += "a denoising autoencoder"
    draw_images(shown, n_columns=n, title=title, ax=ax)
plt.show()
