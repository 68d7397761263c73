"""What notebooks show of a fitted model below scikit-learn's diagram."""

import html

import pandas as pd

from skvae.models.health import complaints, facts
from skvae.utils.ranking import top_columns
from skvae.utils.text import encodable


class FittedHTML:
    """Health and top words, appended to scikit-learn's own HTML of an estimator."""

    def _repr_html_inner(self):
        return encodable(super()._repr_html_inner() + fitted_html(self))

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] = encodable(bundle["text/html"] + fitted_html(self))
        return bundle


def fitted_html(model):
    """A fitted model's health and, of a topic model, its top words; else nothing."""
    if not hasattr(model, "net_"):
        return ""
    page = "".join(
        f"<p><b>Warning:</b> {html.escape(complaint)}</p>"
        for complaint in complaints(model)
    )
    page += table_html(pd.Series(facts(model)).to_frame())
    if "dead_topics" not in model.health_:
        return page
    if not hasattr(model, "feature_names_in_"):
        return page + (
            "<p>The model was fitted without feature names: "
            "<code>skvae.inspection.top_words</code> takes them, or the Pipeline "
            "that counts the words.</p>"
        )
    columns = top_columns(model.components_, min(10, model.n_features_in_))
    words = model.feature_names_in_[columns]
    return page + table_html(pd.DataFrame(words, index=model.get_feature_names_out()))


def table_html(frame):
    table = frame.to_html(header=False, border=0, max_rows=50)
    return table.replace("<th>", '<th style="text-align: left">')
