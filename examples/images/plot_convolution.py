"""
Convolutions for colour images
==============================

A convolutional network knows what is near what in an image. With about as many weights
as a dense one it explains new images better, here small photographs in colour.

    python plot_convolution.py [images.npz]
"""

import sys

import matplotlib.pyplot as plt
import numpy as np
from images import load_colour_images
from sklearn.model_selection import train_test_split

from skvae import VAETransformer
from skvae.plotting import draw_images

X, shape = load_colour_images(5000, *sys.argv[1:2])
X_train, X_test = train_test_split(X, test_size=1 / 10, random_state=0)

# %%
# Rows hold an image channel by channel: all red values first. Scores of the Gaussian
# likelihood are densities, so that they may be positive.
params = dict(n_components=64, max_epochs=15, random_state=0)
models = {
    "dense": VAETransformer(hidden_layer_sizes=(150,), **params),
    "convolutional": VAETransformer(
        architecture="conv",
        image_shape=shape,
        channels=(24, 48, 96),
        hidden_layer_sizes=(256,),
        **params,
    ),
}
for name, model in models.items():
    model.fit(X_train)
    n_weights = sum(w.numel() for w in model.net_.module_.parameters())
    error = ((model.reconstruct(X_test) - X_test) ** 2).mean()
    bound = model.score_samples(X_test, n_draws=16).mean()
    print(
        f"{name}: {n_weights:,} weights, {bound:.0f} nats an image, "
        f"squared error {error:.4f} a pixel"
    )

# %%
n = 16
rows = [X_test[:n], *(model.reconstruct(X_test[:n]) for model in models.values())]
new = [model.sample(n, random_state=0, mean=True) for model in models.values()]
figure, (above, below) = plt.subplots(
    2, 1, figsize=(10, 3.8), layout="constrained", height_ratios=[3, 2]
)
title = "images, and reconstructions by a dense and by a convolutional network"
draw_images(np.concatenate(rows), image_shape=shape, n_columns=n, title=title, ax=above)
title = "new images: dense, convolutional"
draw_images(np.concatenate(new), image_shape=shape, n_columns=n, title=title, ax=below)
plt.show()
