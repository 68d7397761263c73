"""
One fit in several processes
============================

Two processes train one model from counts on disk: each takes its part of every batch,
and gradients are averaged. It is started by

.. code-block:: bash

    torchrun --nproc-per-node 2 train_in_processes.py

or ``accelerate launch --multi_gpu --num_processes 2``, which does the same. The first
process prints how close the model is to that of a fit in one process::

    2 processes: perplexity ..., ... s, ... of ... rows an epoch each
    1 process: perplexity ..., ... s
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from sklearn.feature_extraction.text import CountVectorizer

from skvae import GSMTopicModel
from skvae.datasets import load_docstrings
from skvae.distributed import data_parallel
from skvae.shards import Shards, write_shards


# %%
# The first process writes, and tells the others where. On several machines this is a
# folder that all of them see.
def write_counts(folder, packages):
    texts = load_docstrings(**({"packages": packages} if packages else {})).data
    vectorizer = CountVectorizer(stop_words="english", min_df=5, max_features=2000)
    counts = vectorizer.fit_transform(texts)
    counts = counts[np.random.default_rng(0).permutation(len(texts))]
    write_shards((counts[i : i + 2000] for i in range(0, len(texts), 2000)), folder)


def timed_fit(X, batch_size):
    """Fit on nine tenths; return the perplexity of the rest and the seconds it took."""
    n_train = 9 * len(X) // 10
    model = GSMTopicModel(20, batch_size=batch_size, max_epochs=40, random_state=0)
    start = time.perf_counter()
    model.fit(X[:n_train])
    seconds = time.perf_counter() - start
    return f"perplexity {model.perplexity(X[n_train:]):.0f}, {seconds:.1f} s"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", nargs="+", help="whose docstrings are the texts")
    parser.add_argument("--batch-size", type=int, default=512)
    args = parser.parse_args()
    torch.set_num_threads(1)  # as many as the cores that each process has
    dist.init_process_group("gloo")  # "nccl" where each process has a GPU
    first, size = dist.get_rank() == 0, dist.get_world_size()

    with tempfile.TemporaryDirectory() as folder:
        path = [str(Path(folder, "counts"))]
        if first:
            write_counts(path[0], args.packages)
        dist.broadcast_object_list(path)  # the others wait here
        X = Shards(path[0])
        with data_parallel():
            result = timed_fit(X, args.batch_size)
        if first:
            print(f"{size} processes: {result}")
            print(f"1 process: {timed_fit(X, args.batch_size)}")
        dist.barrier()  # or the folder would go before the others have read it
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
