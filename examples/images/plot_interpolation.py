"""
From one image to another, and to new ones
==========================================

The line between two codes decodes to images that change one digit into the other. New
images come from codes drawn from the prior, or from a normal distribution fitted to the
codes of the data; a plain autoencoder, which has no prior, has the latter only.
"""

import matplotlib.pyplot as plt
import numpy as np
from images import load_digit_images, show_images

from skvae import VAETransformer

X, y, shape = load_digit_images(10_000)
params = dict(likelihood="bernoulli", max_epochs=20, random_state=0)
vae = VAETransformer(10, **params).fit(X)
plain = VAETransformer(10, variational=False, **params).fit(X)
print(f"the codes' variances are {np.diag(vae.latent_covariance_).round(2)}")

# %%
pairs = [(0, 1), (2, 7), (3, 8), (4, 9), (5, 6)]
first = {digit: X[np.flatnonzero(y == digit)[0]] for digit in range(10)}
paths = [vae.interpolate(first[a], first[b], n_steps=12) for a, b in pairs]

figure, axes = plt.subplots(2, 2, figsize=(10, 5.2), layout="constrained")
show_images(axes[0, 0], np.concatenate(paths), shape, 12, "from digit to digit")
new = {
    "variational, codes drawn from the prior": (vae, "prior"),
    "variational, from a normal fitted to the codes": (vae, "posterior"),
    "plain, from a normal fitted to the codes": (plain, "posterior"),
}
for ax, (title, (model, from_)) in zip(axes.flat[1:], new.items(), strict=True):
    rows = model.sample(60, random_state=0, from_=from_, mean=True)
    show_images(ax, rows, shape, 12, title)
plt.show()
