"""What print shows of tables in a narrow terminal."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import LatentDirichletAllocation

from skvae.inspection import top_words
from skvae.model_selection import compare_models

NAMES = [f"word{j}" for j in range(40)]


@pytest.fixture
def lda(corpus):
    return LatentDirichletAllocation(12, max_iter=1, random_state=0).fit(corpus.data)


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_all_words_are_printed_a_paragraph_for_each_topic(columns, lda, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    table = top_words(lda, feature_names=NAMES)
    shown = repr(table)
    assert max(map(len, shown.splitlines())) <= columns
    paragraphs = re.sub(r"\n {5,}", " ", shown).splitlines()
    for line, (name, words) in zip(paragraphs, table.iterrows(), strict=True):
        assert line == f"{name:8}  {' '.join(words)}"
    assert shown == str(table) == repr(pickle.loads(pickle.dumps(table)))


def test_parts_of_a_table_of_words_are_printed_alike(lda):
    table = top_words(lda, feature_names=NAMES)
    assert repr(table).endswith(repr(table.tail(2)))
    assert repr(table.iloc[:0]) == ""
    for other in (table.T, table == "word1", table[[1]]):
        assert repr(other) == repr(pd.DataFrame(other))
    plain = pd.DataFrame(table.to_numpy(), index=table.index)
    pd.testing.assert_frame_equal(table, plain)
    assert table._repr_html_() == plain._repr_html_()


def test_words_of_any_kind_are_one_line(lda):
    strange = ["two\nlines", "half \ud800", "x-" * 90, *NAMES[3:]]
    table = top_words(lda, 40, feature_names=strange)
    shown = repr(table)
    assert "two lines" in shown and "half \ufffd" in shown and "x-" * 90 in shown
    assert shown.encode()


@pytest.mark.parametrize("columns", [50, 80])
def test_all_figures_are_printed(columns, corpus, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    models = {
        name: LatentDirichletAllocation(2, max_iter=1) for name in ("LDA", "as long")
    }
    y = np.arange(300) % 2
    table = compare_models(models, corpus.data, y, n_seeds=2)
    for shown in (table, table.sort_values("npmi")):
        lines = repr(shown).splitlines()
        assert max(map(len, lines)) <= columns
        printed = " ".join(lines)
        assert all(f" {column} " in printed for column in table.columns[:-1])
        assert "..." not in printed
    # What to look at first is in the first block.
    first = repr(table).split("\n\n")[0]
    if columns == 80:
        assert all(c in first for c in ("perplexity", "npmi", "npmi_test", "diversity"))
    assert f"{table.loc['LDA', 'perplexity']:.3f}" in first
