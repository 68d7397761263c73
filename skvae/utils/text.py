"""Texts from data, for places that do not take all of them."""

import re

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
