"""
Distributed training in several processes
=========================================

Two processes train one model from counts on disk: each takes its part of every batch,
and gradients are averaged. It is started by

.. code-block:: bash

    torchrun --nproc-per-node 2 train_in_processes.py

or ``accelerate launch --multi_gpu --num_processes 2``, which does the same. The first
process prints how close the model is to that of a fit in one process; on two cores::

    2 processes: perplexity 460, 13.3 s
    1 process: perplexity 464, 6.8 s

With ``--batch-size 4096`` it is 5.0 and 3.9 seconds: steps of a model as small as this
one are over sooner than their gradients are exchanged.
"""

import argparse
import tempfile
import time

import numpy as np
import torch
import torch.distributed as dist
from sklearn.feature_extraction.text import CountVectorizer

from skvae import GSMTopicModel
from skvae.datasets import load_docstrings
from skvae.distributed import data_parallel
from skvae.shards import Shards, write_shards

PACKAGES = "numpy", "scipy", "pandas", "sklearn", "torch"  # whose docstrings it takes


# %%
# The first process writes counts to fit and counts to measure, and tells the others
# where. On several machines this is a folder that all of them see.
def write_counts(folder, packages):
    texts = load_docstrings(packages=packages).data
    vectorizer = CountVectorizer(stop_words="english", min_df=5, max_features=2000)
    counts = vectorizer.fit_transform(texts)
    counts = counts[np.random.default_rng(0).permutation(len(texts))]
    n_test = len(texts) // 10
    write_shards([counts[:n_test]], f"{folder}/test")
    starts = range(n_test, len(texts), 2000)
    write_shards((counts[i : i + 2000] for i in starts), f"{folder}/train")


def timed_fit(folder, batch_size):
    """Fit; return the held-out perplexity and the seconds it took, as text."""
    train, test = Shards(f"{folder}/train"), Shards(f"{folder}/test")
    model = GSMTopicModel(20, batch_size=batch_size, max_epochs=40, random_state=0)
    start = time.perf_counter()
    model.fit(train)
    seconds = time.perf_counter() - start
    return f"perplexity {model.perplexity(test):.0f}, {seconds:.1f} s"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--packages", nargs="+", default=PACKAGES)
    parser.add_argument("--batch-size", type=int, default=512)
    args = parser.parse_args()
    torch.set_num_threads(1)  # as many as the cores that each process has
    dist.init_process_group("gloo")  # "nccl" where each process has a GPU
    first, size = dist.get_rank() == 0, dist.get_world_size()

    with tempfile.TemporaryDirectory() as folder:
        if first:
            write_counts(folder, args.packages)
        shared = [folder]
        dist.broadcast_object_list(shared)  # the others wait here
        with data_parallel():
            result = timed_fit(*shared, args.batch_size)
        if first:
            print(f"{size} processes: {result}")
            print(f"1 process: {timed_fit(*shared, args.batch_size)}")
        dist.barrier()  # or the folder would go before the others have read it
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
