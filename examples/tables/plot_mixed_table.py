"""
Missing values in a mixed table: imputation
===========================================

442 patients: numbers, a category, a score that counts up, and a fifth of it all
missing. One model fills the gaps, says how certain it is, draws new patients, and finds
those who do not belong.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skvae import VAETransformer

patients = load_diabetes(as_frame=True, scaled=False).frame
patients["sex"] = patients["sex"].map({1: "A", 2: "B"})  # the data do not say which
numbers = ["age", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"]
encode = make_column_transformer(
    (StandardScaler(), numbers),
    (OneHotEncoder(sparse_output=False), ["sex"]),
    ("passthrough", ["target"]),  # progression of the disease, 25 to 346
    verbose_feature_names_out=False,
).set_output(transform="pandas")
truth = encode.fit_transform(patients)

# %%
# A fifth of the cells of the table are lost, the category as a whole.
rng = np.random.default_rng(0)
lost = pd.DataFrame(rng.random((442, 11)) < 0.2, columns=[*numbers, "sex", "target"])
lost["sex_A"] = lost["sex_B"] = lost["sex"]
lost = lost[truth.columns]
rows = truth.mask(lost)
vae = VAETransformer(
    4,
    likelihood=[
        ("gaussian", numbers),
        ("categorical", ["sex_A", "sex_B"]),
        ("negative-binomial", ["target"]),
    ],
    scale="per-feature",
    max_epochs=100,
    random_state=0,
).fit(rows)

# %%
# The gaps by their means, and 40 times by draws: how much these vary tells how certain
# a value is.
filled = pd.DataFrame(vae.impute(rows), columns=rows.columns)
draws = np.array([vae.impute(rows, sample=True, random_state=s) for s in range(40)])
gaps = lost[numbers].to_numpy()
is_in = []
for at, name in enumerate(numbers):
    low, high = np.quantile(draws[:, :, at], [0.025, 0.975], axis=0)
    inside = (truth[name] >= low) & (truth[name] <= high)
    is_in.append(inside[lost[name]].mean())
error = np.sqrt(((filled - truth)[numbers].to_numpy()[gaps] ** 2).mean())
spread = np.sqrt((truth[numbers].to_numpy()[gaps] ** 2).mean())
guess = filled["sex_A"] > 0.5
right = (guess == (truth["sex_A"] == 1))[lost["sex_A"]].mean()
print(f"error of filled numbers {error:.2f}, of column means {spread:.2f}")
print(f"95 % intervals of the draws hold {np.mean(is_in):.0%} of the true values")
print(f"lost categories found: {right:.0%}")

# %%
# New patients, and patients who are none: each value is that of somebody, but of
# another one for each column.
new = pd.DataFrame(vae.sample(442, random_state=0), columns=rows.columns)
mixed = truth.copy()
for name in [*numbers, "target"]:
    mixed[name] = rng.permutation(mixed[name])
scores = np.r_[vae.score_samples(truth), vae.score_samples(mixed)]
is_mixed = np.repeat([0, 1], 442)
print(f"AUC of rows that were mixed up: {roc_auc_score(is_mixed, -scores):.2f}")

figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
name = "s2"
at, shown = truth.columns.get_loc(name), lost[name].to_numpy()
low, high = np.quantile(draws[:, shown, at], [0.025, 0.975], axis=0)
actual, mean = truth.loc[shown, name], filled.loc[shown, name]
axes[0].vlines(actual, low, high, color="#0072b2", alpha=0.25)
axes[0].plot(actual, mean, "o", color="#0072b2", markersize=4)
axes[0].axline((0, 0), slope=1, color="0.5", linewidth=1)
axes[0].set_title("Filled, with 95 % intervals", loc="left", fontweight="bold")
axes[0].set_xlabel(f"true {name}, standardised")
axes[0].set_ylabel("filled")
for table, color, label in [(truth, "0.6", "data"), (new, "#d55e00", "samples")]:
    axes[1].plot(
        table["bmi"], table["target"], "o", color=color, markersize=3, label=label
    )
axes[1].set_title("New patients", loc="left", fontweight="bold")
axes[1].set_xlabel("bmi, standardised")
axes[1].set_ylabel("progression")
axes[1].legend(frameon=False)
bins = np.linspace(*np.quantile(scores, [0.005, 1]), 40)
for kind, color, label in [(0, "0.6", "data"), (1, "#d55e00", "columns mixed up")]:
    axes[2].hist(scores[is_mixed == kind], bins, alpha=0.6, color=color, label=label)
axes[2].set_title("Who does not belong", loc="left", fontweight="bold")
axes[2].set_xlabel("bound of log p(row), nats")
axes[2].legend(frameon=False)
for ax in axes:
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
