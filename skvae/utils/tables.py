"""DataFrames that a narrow terminal shows whole.

pandas leaves out columns in the middle where not all have room.
"""

import shutil
import textwrap

import pandas as pd

from skvae.utils.text import one_line


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
