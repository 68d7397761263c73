"""
Convolutional autoencoder
=========================

A convolutional network knows what is near what in an image. With as many weights as a
dense one it explains new images better, and takes about twice the time.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import train_test_split

from skvae import VAETransformer
from skvae.datasets import fetch_example_images
from skvae.plotting import draw_images

digits = fetch_example_images()
X_train, X_test = train_test_split(digits.data[:6000], test_size=1 / 6, random_state=0)

# %%
# Rows hold an image row by row, and images in colour channel by channel: all red values
# first. For those ``image_shape`` would be ``(3, height, width)``.
params = dict(
    n_components=20,
    likelihood="bernoulli",
    batch_size=100,
    max_epochs=15,
    random_state=0,
)
models = {
    "dense": VAETransformer(hidden_layer_sizes=(500,), **params),
    "convolutional": VAETransformer(
        architecture="conv",
        image_shape=digits.image_shape,
        channels=(16, 32),
        hidden_layer_sizes=(250,),
        **params,
    ),
}
for name, model in models.items():
    model.fit(X_train)
    n_weights = sum(w.numel() for w in model.net_.module_.parameters())
    error = ((model.reconstruct(X_test) - X_test) ** 2).mean()
    print(
        f"{name}: {n_weights:,} weights, {model.score(X_test):.1f} nats an image, "
        f"squared error {error:.4f} a pixel"
    )

# %%
n = 16
rows = [X_test[:n], *(model.reconstruct(X_test[:n]) for model in models.values())]
figure, axes = plt.subplots(
    3, 1, figsize=(10, 6.2), layout="constrained", height_ratios=[3, 2, 2]
)
title = "images, and reconstructions by the dense and by the convolutional network"
draw_images(np.concatenate(rows), n_columns=n, title=title, ax=axes[0])
for ax, (name, model) in zip(axes[1:], models.items(), strict=True):
    new = model.sample(2 * n, random_state=0, mean=True)
    draw_images(new, n_columns=n, title=f"new images, {name}", ax=ax)
plt.show()
