"""
Dimensionality reduction: autoencoder and PCA
=============================================

PCA is the best linear map through a few dimensions. A plain autoencoder with a hidden
layer needs about a quarter as many for the same error on held-out images of MNIST.
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

# %%
# With its means from 0 to 1, the Bernoulli likelihood suits grey values.
numbers = [10, 20, 30, 40, 50]
models = {
    "PCA": lambda n: PCA(n),
    "autoencoder": lambda n: VAETransformer(
        n,
        variational=False,
        likelihood="bernoulli",
        max_epochs=20,
        random_state=0,
    ),
}
errors, images = {name: [] for name in models}, {}
for n in numbers:
    for name, make in models.items():
        model = make(n).fit(X_train)
        restored = model.inverse_transform(model.transform(X_test))
        errors[name].append(((restored - X_test) ** 2).mean())
        images[name, n] = restored[:10]
    print(
        f"{n} dimensions: " + ", ".join(f"{k} {v[-1]:.4f}" for k, v in errors.items())
    )

# %%
figure, (left, right) = plt.subplots(
    1, 2, figsize=(12, 4.6), layout="constrained", width_ratios=[4, 5]
)
for name, marker in zip(models, "so", strict=True):
    left.plot(numbers, errors[name], marker=marker, label=name)
left.set(xlabel="dimensions", ylabel="squared error of a held-out pixel", ylim=0)
left.legend(frameon=False)
left.spines[["top", "right"]].set_visible(False)
shown = [X_test[:10], *(images[name, n] for n in (10, 50) for name in models)]
title = "images; PCA and autoencoder, 10 dimensions; the same, 50"
draw_images(np.concatenate(shown), n_columns=10, title=title, ax=right)
plt.show()
