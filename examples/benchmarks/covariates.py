"""
Topic models with and without covariates
========================================

Prints a table for each corpus: what the class of a document, given to encoder and
decoder, is worth in held-out perplexity by the bound and by document completion, and
how well topic proportions still tell the class, for random halves of the corpus.

    python examples/benchmarks/covariates.py
    python examples/benchmarks/covariates.py --corpora docstrings --n-seeds 1
"""
