"""Texts from data, for places that do not take all of them."""

import re

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_BREAK = re.compile(r"[^\S ]")
_HALF = re.compile("[\ud800-\udfff]")
# With non-characters, what XML has no place for.
# A byte order mark within a text is no part of it, and breaks PDFs of matplotlib.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ufeff\ufffe\uffff]")


def encodable(value):
    """A string with U+FFFD for halves of surrogate pairs, which no encoding takes.

    Other values are returned as they are.
    """
    return _HALF.sub(_REPLACEMENT, value) if isinstance(value, str) else value


def printable(text):
    """A text of lines with U+FFFD for what has no form."""
    return re.sub(r"(?![\t\n\r])" + _CONTROL.pattern, _REPLACEMENT, encodable(text))


def one_line(value, length=None):
    """A value as one line to show, with U+FFFD for what has no form.

    It is cut after so many characters.
    """
    line = _BREAK.sub(" ", str(value)).strip()
    line = _CONTROL.sub(_REPLACEMENT, encodable(line))
    if length is None or len(line) <= length:
        return line
    return line[:length].rstrip() + " ..."
