"""
Image clustering: k-means on latent codes
=========================================

Codes are features like any other. k-means in a Pipeline finds groups of digits in them
without a label, mostly better than in the pixels, and its centres decode to images.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import Pipeline

from skvae import VAETransformer
from skvae.datasets import fetch_example_images
from skvae.plotting import draw_images

digits = fetch_example_images()
X, y = digits.data[:10_000], digits.target[:10_000]
params = dict(likelihood="bernoulli", max_epochs=30, random_state=0)
encoders = {
    "pixels": "passthrough",
    "plain codes": VAETransformer(10, variational=False, **params),
    "variational codes": VAETransformer(10, **params),
}
pipelines = {}
for name, encoder in encoders.items():
    k_means = KMeans(10, n_init=10, random_state=0)
    pipeline = Pipeline([("encoder", encoder), ("clusters", k_means)])
    clusters = pipeline.fit_predict(X)
    pipelines[name] = pipeline
    print(f"{name}: adjusted Rand index {adjusted_rand_score(y, clusters):.2f}")

# %%
# t-SNE of 3,000 codes, coloured by cluster; the numbers are the digits that most of a
# cluster's members are. Beside it the images that the cluster's centres decode to.
vae, k_means = pipelines["variational codes"].named_steps.values()
codes = vae.transform(X[:3000])
clusters = k_means.predict(codes)
flat = TSNE(random_state=0).fit_transform(codes)

figure, (left, right) = plt.subplots(
    1, 2, figsize=(12, 5.6), layout="constrained", width_ratios=[3, 2]
)
colours = plt.colormaps["tab10"]
for k in range(10):
    members = clusters == k
    left.scatter(*flat[members].T, s=4, color=colours(k), linewidths=0)
    digit = np.bincount(y[:3000][members]).argmax()
    left.annotate(
        str(digit),
        np.median(flat[members], axis=0),
        fontsize=13,
        fontweight="bold",
        ha="center",
        va="center",
        bbox=dict(boxstyle="circle", fc="white", ec=colours(k), lw=1.5),
    )
left.set_title("t-SNE of the codes, by cluster", loc="left")
left.set_axis_off()
order = np.argsort([np.median(y[:3000][clusters == k]) for k in range(10)])
centres = vae.inverse_transform(k_means.cluster_centers_[order])
members = [X[:3000][clusters == k][:5] for k in order]
rows = np.concatenate([np.vstack([c[None], m]) for c, m in zip(centres, members)])
title = "a cluster's centre, and some of its members"
draw_images(rows, n_columns=6, title=title, ax=right)
plt.show()
