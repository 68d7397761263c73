"""Texts from data, for places that do not take all of them."""

import re

_HALF = re.compile("[\ud800-\udfff]")
# With halves and non-characters, what XML has no place for.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def encodable(text):
    """Text with U+FFFD for halves of surrogate pairs, which no encoding takes."""
    return _HALF.sub(_REPLACEMENT, text)


def one_line(value):
    """A value as one line to show, with U+FFFD for what has no form."""
    return _CONTROL.sub(_REPLACEMENT, " ".join(str(value).split()))
