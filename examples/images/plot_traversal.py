"""
Latent traversals and dimensions in use
=======================================

A variational autoencoder pays for each dimension of its codes, in nats of its KL term.
Dimensions that are not worth their price fall asleep: they hold nothing of the images,
and decoding takes no notice of them. The KL term by dimension tells which are in use, a
latent traversal what they do.
"""

import matplotlib.pyplot as plt

from skvae import VAETransformer
from skvae.datasets import fetch_example_images
from skvae.plotting import TrainingCurveDisplay, TraversalDisplay

# %%
# Weighing the KL term four times, a beta-VAE, makes dimensions dearer: more of the
# twenty sleep, and the others have to be worth it.
X = fetch_example_images().data[:8000]
params = dict(likelihood="bernoulli", max_epochs=20, random_state=0)
models = {
    "variational autoencoder": VAETransformer(20, **params).fit(X),
    "beta-VAE, kl_weight=4": VAETransformer(20, kl_weight=4, **params).fit(X),
}
for name, model in models.items():
    print(f"{name}: {model.health_['active_units']} of 20 dimensions in use")

# %%
# The last panel has a bar for each dimension, those in use in blue.
figure, axes = plt.subplots(2, 1, figsize=(13, 6), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    display = TrainingCurveDisplay.from_estimator(model, ax=ax)
    display.axes_[0, 0].set_ylabel(name)
plt.show()

# %%
# A line for each dimension: from left to right the code moves along it, two standard
# deviations to either side of the mean, and the others stay. The ten with the largest
# KL terms, from an image that the models have seen.
figure, axes = plt.subplots(1, 2, figsize=(13, 5.6), layout="constrained")
for ax, (name, model) in zip(axes, models.items(), strict=True):
    TraversalDisplay.from_estimator(model, X[1], ax=ax)
    ax.set_title(name, loc="left")
plt.show()
