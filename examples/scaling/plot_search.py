"""
Parallel hyperparameter search with joblib and Dask
===================================================

How many topics? A search by halving trains many models for a few epochs and only the
best of them for all. Whoever does the work, this process, others, threads or a Dask
cluster, the figures are the same.
"""

import time

import joblib
import matplotlib.pyplot as plt
import pandas as pd
import torch
from dask.distributed import Client, LocalCluster
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import HalvingGridSearchCV

from skvae import GSMTopicModel
from skvae.datasets import make_topic_corpus

N_TOPICS = [2, 4, 8, 16, 32]


def timed(name, search, X):
    start = time.perf_counter()
    search.fit(X)
    scores = search.cv_results_["mean_test_score"].tolist()
    found = search.best_params_["n_components"]
    print(f"{name:>10}: {time.perf_counter() - start:3.0f} s, {found} topics")
    return scores


# %%
# Dask's workers, like all processes that start afresh, read the script again: what is
# not to run there as well stands in a function. The corpus is made of eight topics;
# models that have some to spare find all of them more often.
def main():
    X = make_topic_corpus(2000, 300, 8, mean_length=60, random_state=0).data
    search = HalvingGridSearchCV(
        GSMTopicModel(random_state=0),
        {"n_components": N_TOPICS},
        resource="max_epochs",
        min_resources=10,
        max_resources=40,
        factor=2,
        cv=2,
        random_state=0,
    )
    # Sums by two threads round otherwise than by one.
    torch.set_num_threads(1)
    scores = {"sequential": timed("sequential", search, X)}
    search.n_jobs = 2
    for backend in ("loky", "threading"):
        with joblib.parallel_config(backend=backend):
            scores[backend] = timed(backend, search, X)
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as dask,
        Client(dask),
        joblib.parallel_config(backend="dask"),
    ):
        scores["dask"] = timed("dask", search, X)
    print("The same scores:", all(s == scores["sequential"] for s in scores.values()))
    draw(search)


# %%
# Candidates that are left behind in one round do not enter the next.
def draw(search):
    table = pd.DataFrame(search.cv_results_)
    curves = table.pivot(
        index="n_resources", columns="param_n_components", values="mean_test_score"
    )
    colors = plt.get_cmap("viridis")(range(0, 256, 256 // curves.shape[1]))
    ax = curves.plot(marker="o", color=colors, figsize=(7, 4), logx=True)
    ax.set(xlabel="epochs", ylabel="bound per token (nats)", title="Successive halving")
    ax.set_xticks(curves.index, curves.index)
    ax.minorticks_off()
    ax.legend(title="topics", loc="center left", bbox_to_anchor=(1, 0.5))
    ax.figure.tight_layout()
    plt.show()


if __name__ == "__main__":
    main()
