"""
A map of images in two dimensions
=================================

Two latent dimensions can be looked at: where the digits lie, and which image each place
decodes to. The codes of a plain autoencoder lie anywhere; those of a variational one
are spread over a standard normal distribution, so that a grid of its quantiles shows
the whole manifold.
"""

import matplotlib.pyplot as plt
import numpy as np
from images import load_digit_images, show_images
from scipy.stats import norm

from skvae import VAETransformer

# %%
# A deep network, 784-128-32-2 for MNIST, and its mirror image. Pixels are taken as
# probabilities of ink: the Bernoulli likelihood, whose means are sigmoids.
X, y, shape = load_digit_images(10_000)
params = dict(
    likelihood="bernoulli", hidden_layer_sizes=(128, 32), max_epochs=40, random_state=0
)
plain = VAETransformer(2, variational=False, **params).fit(X)
vae = VAETransformer(2, **params).fit(X)
for name, model in {"plain": plain, "variational": vae}.items():
    error = ((model.reconstruct(X) - X) ** 2).mean()
    print(f"{name}: squared error {error:.4f} a pixel")

# %%
# From left to right: both maps, and the images of the variational one at the quantiles
# 2 %, 7 %, ..., 98 % of either dimension.
figure, axes = plt.subplots(1, 3, figsize=(15, 5.4), layout="constrained")
colours = plt.colormaps["tab10"]
for ax, (name, model) in zip(
    axes, {"plain": plain, "variational": vae}.items(), strict=False
):
    codes = model.transform(X)
    for digit in range(10):
        cluster = codes[y == digit]
        ax.scatter(*cluster.T, s=3, color=colours(digit), alpha=0.5, linewidths=0)
        ax.annotate(
            str(digit),
            np.median(cluster, axis=0),
            fontsize=13,
            fontweight="bold",
            ha="center",
            va="center",
            bbox=dict(boxstyle="circle", fc="white", ec=colours(digit), lw=1.5),
        )
    # A plain autoencoder may send single rows far away.
    low, high = np.quantile(codes, [0.002, 0.998], axis=0)
    margin = 0.08 * (high - low)
    ax.set(xlim=(low - margin)[[0]].tolist() + (high + margin)[[0]].tolist())
    ax.set(ylim=(low - margin)[[1]].tolist() + (high + margin)[[1]].tolist())
    ax.set_title(f"codes of a {name} autoencoder", loc="left")
quantiles = norm.ppf(np.linspace(0.02, 0.98, 20))
grid = np.array([(a, b) for b in quantiles[::-1] for a in quantiles])
show_images(axes[2], vae.inverse_transform(grid), shape, 20, "what they decode to")
plt.show()
