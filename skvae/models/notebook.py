"""What notebooks show of a fitted model, in scikit-learn's diagram and below it."""

import html

import pandas as pd
from sklearn.base import BaseEstimator

from skvae.models.health import facts
from skvae.utils.counts import top_columns
from skvae.utils.text import encodable

# Older versions of scikit-learn have no place for it within the diagram.
IN_DIAGRAM = hasattr(BaseEstimator, "_get_params_html")


class FittedHTML:
    """Health in scikit-learn's HTML of an estimator, also as a step; words below it."""

    def _get_params_html(self, *args, **kwargs):
        params = super()._get_params_html(*args, **kwargs)
        of_params = params._repr_html_inner
        params._repr_html_inner = lambda: encodable(of_params() + health_html(self))
        return params

    def _repr_html_inner(self):
        return encodable(super()._repr_html_inner() + html_below(self))

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] = encodable(bundle["text/html"] + html_below(self))
        return bundle


def html_below(model):
    return ("" if IN_DIAGRAM else health_html(model)) + words_html(model)


def health_html(model):
    """What is wrong with a fitted model, and what its fit tells; of others nothing."""
    if not hasattr(model, "net_"):
        return ""
    page = "".join(
        f"<p><b>Warning:</b> {html.escape(complaint)}</p>"
        for complaint in model._problems()
    )
    page += table_html(pd.Series(facts(model)).to_frame())
    return f'<div style="margin: 0.5em; max-width: 60em">{page}</div>'


def words_html(model):
    """Top words of a fitted topic model that knows its words."""
    is_of_topics = hasattr(model, "net_") and "dead_topics" in model.health_
    if not is_of_topics or not hasattr(model, "feature_names_in_"):
        return ""
    columns = top_columns(model.components_, min(10, model.n_features_in_))
    words = model.feature_names_in_[columns]
    return table_html(pd.DataFrame(words, index=model.get_feature_names_out()))


def table_html(frame):
    table = frame.to_html(header=False, border=0, max_rows=50)
    return table.replace("<th>", '<th style="text-align: left">')
