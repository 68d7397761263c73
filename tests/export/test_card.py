"""Model cards."""

import html
import json
import re
import warnings

import numpy as np
import pytest
from helpers import each_model, make
from sklearn.decomposition import NMF
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.pipeline import make_pipeline

from skvae import (
    ClusterTopicModel,
    ConsensusTopicModel,
    GSMTopicModel,
    NVDMTopicModel,
    TopicGroups,
    VAETransformer,
)
from skvae.export import model_card
from skvae.metrics import document_completion_perplexity


@pytest.fixture(scope="module")
def X(corpus):
    return corpus.data


# --- model cards ------------------------------------------------------------------


def headings(card):
    return re.findall("^## (.*)$", card, re.MULTILINE)


@each_model
@pytest.mark.filterwarnings("ignore:Top words never occur")  # of rows that few train
def test_a_card_describes_the_model(cls, X):
    model = make(cls).fit(X)
    names = None if cls is VAETransformer else [f"word{i}" for i in range(40)]
    card = model_card(model, X_test=X, feature_names=names, n_words=3)
    assert card.startswith("---\nlibrary_name: skvae\n")
    topics = [] if cls is VAETransformer else ["Topics"]
    expected = ["Use", "Data", "Figures", *topics, "Limits", "Made with"]
    assert headings(card) == expected
    assert f"{cls.__name__}(" in card and "| **max_epochs** | `3` |" in card
    assert card.count("The author has not") == 2
    assert "- epochs: 3" in card and "Of 300 held-out" in card
    assert not re.search(r"\n\n\n|[{}%]{2}|None of", card)


def test_figures_of_a_card_are_those_measured(X):
    model = make(GSMTopicModel, batch_size=50).fit(X)
    found = document_completion_perplexity(model, X)
    assert f"| GSMTopicModel | {found:,.2f} |" in model_card(model, X_test=X)
    vae = make(VAETransformer, batch_size=50).fit(X)
    assert f"| VAETransformer | {vae.score(X):.2f} |" in model_card(vae, X_test=X)
    assert "has not measured it" in model_card(model)


def test_a_card_says_what_the_author_says(X, tmp_path):
    model = make(NVDMTopicModel).fit(X)
    path = tmp_path / "README.md"
    told = dict(
        title="Topics of <b>news</b>",
        use="*Browsing*.",
        data="# From\n1987.",
        limits=["English only.", "*Old*:\n\n- by decades\n"],
        license="cc-by-4.0",
    )
    card = model_card(model, path, **told)
    assert path.read_text() == card
    for text in ("# Topics of &#60;b>news&#60;/b>\n", "*Browsing*.", "# From\n1987."):
        assert text in card
    assert "- English only.\n- *Old*:\n\n  - by decades\n\n" in card
    assert '\nlicense: "cc-by-4.0"\n' in card
    assert "The author has not said" not in card
    assert "- A\n\n" in model_card(model, limits="A")


@pytest.mark.parametrize(
    "odd",
    [
        "a|b",
        "x\r\n\n# Heading",
        "<img src=x onerror=alert(1)>",
        "[click](javascript:alert(1))",
        "`tick",
        "back\\|slash",
        "*many* __init__ ~no~ $x$",
        "&lt; AT&T",
        "http://a.b www.a.b",
        "half \ud800 nul \0.",
        "C #",
        "---",
    ],
)
def test_what_comes_from_data_is_escaped_in_a_card(odd, X):
    """It stays on its line, and what is left of it is its text in entities."""
    names = [odd, *(f"word{i}" for i in range(39))]
    model = make(GSMTopicModel, seed_words={odd: [odd]}, feature_names=names)
    model.fit(X[:60], covariates=np.resize([odd, "plain"], 60))
    card = model_card(model, title=odd, license=odd, n_words=40)
    plain = model_card(model, title="plain", license="plain", n_words=40)
    rows = card.splitlines()
    assert len(rows) == len(plain.splitlines()) == card.count("\n")

    spaces = dict.fromkeys(map(ord, "\r\n"), " ")
    shown = odd.translate({0: "\ufffd", 0xD800: "\ufffd"} | spaces)
    assert json.loads(rows[2].removeprefix("license: ")) == shown
    title = next(row for row in rows if row.startswith("# "))[2:]
    assert html.unescape(title) == shown
    assert not re.search(r"[|<`*\\\[$~]|://|#$|&(?!#\d+;|T)|(?<!\w)_|_(?!\w)", title)
    for start in ("| 0 |", "| 1 |", "- covariates: 2 labels: "):
        (row,) = (row for row in rows if row.startswith(start))
        assert shown in html.unescape(row)
    table = rows[rows.index("| name | value |") :]
    topics = rows[rows.index("| topic | words |") :][:4]
    assert {row.count("|") for row in topics + table} == {3}


def test_warnings_of_the_fit_are_in_the_card(X):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = make(GSMTopicModel, max_epochs=1, n_components=8, batch_size=50).fit(X)
    assert f"**Warnings of the fit:**\n\n- {type(model).__name__} " in model_card(model)


def test_words_of_a_card_come_from_the_pipeline():
    texts = ["apple pear apple plum", "train bus tram bus", "pear plum", "tram train"]
    model = make_pipeline(CountVectorizer(), make(GSMTopicModel)).fit(texts * 5)
    card = model_card(model, X_test=texts, n_words=100)
    assert "apple, " in card and "CountVectorizer()\nGSMTopicModel(" in card
    assert "Topics" not in headings(model_card(model[-1]))


def test_a_card_of_clusters_tells_of_both_parts(X):
    model = ClusterTopicModel(3, estimator=make(NVDMTopicModel)).fit(X)
    card = model_card(model, X_test=X, feature_names=[f"word{i}" for i in range(40)])
    assert "- training documents: 300\n" in card
    assert "- epochs of the NVDMTopicModel within: 3\n" in card
    assert "others in its cluster: perplexity" in card
    assert "Its topics are clusters" in card and "| ClusterTopicModel |" in card
    sums = ClusterTopicModel(3, estimator=NMF(3)).fit(X)
    assert "epochs" not in model_card(sums) and "variational" not in model_card(sums)


def test_a_card_of_a_consensus_tells_how_well_fits_agree(X):
    member = make(GSMTopicModel, batch_size=50)
    model = ConsensusTopicModel(2, estimator=member, n_members=3).fit(X)
    card = model_card(model, X_test=X)
    found = model.recurrence_
    spread = f"{found.min():.2f} to {found.max():.2f}, median {found.mean():.2f}"
    assert f"- fits: 3\n- recurrence of a topic: {spread}\n" in card
    assert "# ConsensusTopicModel with 2 components" in card
    assert "- epochs of the GSMTopicModel within: 3\n" in card
    assert "low recurrence" in card and "| ConsensusTopicModel |" in card
    groups = TopicGroups(model, {"all": [0, 1]}).fit(X)
    assert "# TopicGroups with 1 components" in model_card(groups)


def test_what_has_no_card(X):
    with pytest.raises(TypeError, match="not NMF"):
        model_card(NMF(2).fit(X))
    with pytest.raises(NotFittedError):
        model_card(make(GSMTopicModel))
    model = make(GSMTopicModel).fit(X)
    with pytest.raises(ValueError, match="feature_names has shape"):
        model_card(model, feature_names=["a"])
    with pytest.raises(ValueError, match="X_test has 30 features"):
        model_card(model, X_test=X[:, :30])
