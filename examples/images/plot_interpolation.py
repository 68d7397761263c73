"""
Latent interpolation and new images
===================================

The line between two codes decodes to images that change one digit into the other. New
images come from codes drawn from the prior, or from a normal distribution fitted to the
codes of the data; a plain autoencoder, which has no prior, has the latter only.
"""

import matplotlib.pyplot as plt
import numpy as np

from skvae import VAETransformer
from skvae.datasets import fetch_example_images
from skvae.plotting import InterpolationDisplay, draw_images

digits = fetch_example_images()
X, y = digits.data[:10_000], digits.target[:10_000]
params = dict(likelihood="bernoulli", max_epochs=20, random_state=0)
vae = VAETransformer(10, **params).fit(X)
plain = VAETransformer(10, variational=False, **params).fit(X)
print(f"the codes' variances are {np.diag(vae.latent_covariance_).round(2)}")

# %%
pairs = np.array([(0, 1), (2, 7), (3, 8), (4, 9), (5, 6)])
first = np.array([X[np.flatnonzero(y == digit)[0]] for digit in range(10)])

figure, axes = plt.subplots(2, 2, figsize=(10, 5.2), layout="constrained")
start, end = first[pairs.T]
InterpolationDisplay.from_estimator(vae, start, end, n_steps=12, ax=axes[0, 0])
axes[0, 0].set_title("from digit to digit", loc="left", fontsize=10)
new = {
    "variational, codes drawn from the prior": (vae, "prior"),
    "variational, from a normal fitted to the codes": (vae, "posterior"),
    "plain, from a normal fitted to the codes": (plain, "posterior"),
}
for ax, (title, (model, from_)) in zip(axes.flat[1:], new.items(), strict=True):
    rows = model.sample(60, random_state=0, from_=from_, mean=True)
    draw_images(rows, n_columns=12, title=title, ax=ax)
plt.show()
