"""What skvae adds to the models of papers, and how much of it a model has."""

from skvae.utils.validation import InvalidParameterError

# Names that `recipe` may hold, sorted. Where a parameter has such a name, it counts
# with the addition alone.
ADDITIONS = (
    "clipping",
    "joint_updates",
    "kl_warmup",
    "learnt_prior",
    "lr_schedule",
    "scaled_counts",
    "standardised_means",
    "thinning",
    "word_frequencies",
)


def additions_of(estimator):
    """Names of what a model has beyond the paper's, sorted.

    Raises
    ------
    InvalidParameterError
        If `recipe` holds other names.
    """
    recipe, known = estimator.recipe, estimator._additions
    if isinstance(recipe, str):
        return known if recipe == "skvae" else ()
    unknown = [name for name in recipe if name not in known]
    if unknown:
        raise InvalidParameterError(
            f"The 'recipe' parameter of {type(estimator).__name__} must be 'skvae', "
            f"'paper', or names of additions: {', '.join(known)}. Got "
            f"{unknown[0]!r:.100} among these instead."
        )
    return tuple(sorted(set(recipe)))
