"""
Anomaly detection
=================

A model of some digits gives images of another digit a lower score. `score_samples` is
the bound of an image's log-likelihood: it knows both how well the image is
reconstructed and how unusual its code is. Simple images are likely under any model, so
that the 1 hides well. From above: histograms of the scores, ROC curves, which have the
squared error of PCA for comparison, and the least likely images.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import RocCurveDisplay, roc_auc_score
from sklearn.model_selection import train_test_split

from skvae import VAETransformer
from skvae.datasets import fetch_example_images
from skvae.plotting import draw_images

digits = fetch_example_images()
X, y = digits.data[:8000], digits.target[:8000]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 4, stratify=y, random_state=0
)
figure, axes = plt.subplots(3, 3, figsize=(12, 9), layout="constrained")
for (top, above, below), unknown in zip(axes.T, (0, 4, 1), strict=True):
    known = X_train[y_train != unknown]
    vae = VAETransformer(10, max_epochs=20, random_state=0)
    pca = PCA(10).fit(known)
    error = (X_test - pca.inverse_transform(pca.transform(X_test))) ** 2
    scores = {
        "bound": -vae.fit(known).score_samples(X_test),
        "error of PCA": error.sum(axis=1),
    }
    is_unknown = y_test == unknown
    for name, score in scores.items():
        print(f"{unknown} unknown, {name}: AUC {roc_auc_score(is_unknown, score):.3f}")
        RocCurveDisplay.from_predictions(
            is_unknown, score, name=name, ax=above, plot_chance_level=name != "bound"
        )
    above.set(xlabel="share of the known digits", ylabel="share of the unknown digit")
    bound = -scores["bound"]
    top.hist(
        [bound[~is_unknown], bound[is_unknown]],
        bins=60,
        density=True,
        histtype="stepfilled",
        alpha=0.6,
        label=["known digits", f"{unknown}, never seen"],
    )
    top.set(xlabel="score_samples, nats", yticks=[])
    top.set_title(f"a model that never saw a {unknown}", loc="left")
    top.legend(frameon=False, loc="upper left")
    most = np.argsort(-scores["bound"])[:32]
    title = (
        f"its least likely images: {(y_test[most] == unknown).mean():.0%} {unknown}s"
    )
    draw_images(X_test[most], n_columns=8, title=title, ax=below)
plt.show()
