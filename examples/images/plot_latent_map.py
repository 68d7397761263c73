"""
Latent space and manifold in two dimensions
===========================================

Two latent dimensions can be looked at: where the digits lie, and which image each place
decodes to. The codes of a plain autoencoder lie anywhere; those of a variational one
are spread over a standard normal distribution, so that a grid of its quantiles shows
the whole manifold.
"""

import matplotlib.pyplot as plt

from skvae import VAETransformer
from skvae.datasets import fetch_example_images
from skvae.plotting import LatentSpaceDisplay, ManifoldDisplay

# %%
# A deep network, 784-128-32-2 for MNIST, and its mirror image. Pixels are taken as
# probabilities of ink: the Bernoulli likelihood, whose means are sigmoids.
digits = fetch_example_images()
X, y = digits.data[:10_000], digits.target[:10_000]
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
figure, axes = plt.subplots(1, 3, figsize=(15, 5.2), layout="constrained")
LatentSpaceDisplay.from_estimator(plain, X, y, ax=axes[0])
LatentSpaceDisplay.from_estimator(vae, X, y, ax=axes[1])
ManifoldDisplay.from_estimator(vae, ax=axes[2])
axes[0].set_title("codes of a plain autoencoder", loc="left")
axes[1].set_title("codes of a variational autoencoder", loc="left")
axes[2].set_title("what they decode to", loc="left")
plt.show()
