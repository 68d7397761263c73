"""Texts from data, for places that do not take all of them."""

import re

_HALF = re.compile("[\ud800-\udfff]")


def encodable(text):
    """Text with U+FFFD for halves of surrogate pairs, which no encoding takes."""
    return _HALF.sub("\N{REPLACEMENT CHARACTER}", text)
