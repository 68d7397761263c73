"""The one door to fitted topic models, for all that reads them.

Any estimator with `components_` and `transform` will do: skvae's, LDA, NMF, a Pipeline
that ends in one, or a search over one. Covariates are handed on to models that take
them.
"""
