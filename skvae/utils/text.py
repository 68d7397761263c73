"""Texts from data for places that do not take all of them, and tables of words.

pandas leaves out columns in the middle where not all have room; these do not.
"""

import re
import shutil
import textwrap

import pandas as pd

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BREAK = re.compile(r"[^\S ]")
_HALF = re.compile("[\ud800-\udfff]")
# What XML has no place for, non-characters too, but no breaks of lines and tabs. A byte
# order mark within a text is no part of it, and breaks PDFs of matplotlib.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")


def encodable(value):
    """A string with U+FFFD for halves of surrogate pairs, which no encoding takes.

    Other values are returned as they are.
    """
    return _HALF.sub(_REPLACEMENT, value) if isinstance(value, str) else value


def printable(text):
    """A text of lines with U+FFFD for what has no form."""
    return _CONTROL.sub(_REPLACEMENT, encodable(text))


def one_line(value, length=None):
    """A value as one line to show, with U+FFFD for what has no form.

    It is cut after so many characters.
    """
    line = printable(_BREAK.sub(" ", str(value)).strip())
    if length is None or len(line) <= length:
        return line
    return line[:length].rstrip() + " ..."


class WordTable(pd.DataFrame):
    """Words of topics, a row for each, printed as a paragraph for each."""

    @property
    def _constructor(self):
        return WordTable

    def __repr__(self):
        ranks = self.columns.equals(pd.RangeIndex(self.shape[1]))  # not so of its .T
        if not ranks or any(dtype.kind in "biuf" for dtype in self.dtypes):
            return super().__repr__()
        names = [one_line(name) for name in self.index]
        indent = max(map(len, names), default=0) + 2
        lines = [
            textwrap.fill(
                " ".join(map(one_line, words)),
                max(width(), indent + 20),
                initial_indent=name.ljust(indent),
                subsequent_indent=" " * indent,
                break_long_words=False,
                break_on_hyphens=False,
            )
            for name, words in zip(names, self.to_numpy(object))
        ]
        return "\n".join(lines)


class FigureTable(pd.DataFrame):
    """Figures of models, printed with all columns, in several blocks if need be."""

    @property
    def _constructor(self):
        return FigureTable

    def __repr__(self):
        with pd.option_context("display.precision", 3):
            return self.to_string(line_width=width())


def width():
    """Return the number of columns of the terminal."""
    return shutil.get_terminal_size().columns
