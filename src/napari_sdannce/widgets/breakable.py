"""Texts that may be wrapped anywhere a path may be."""

from __future__ import annotations

import re


def breakable(text: str) -> str:
    """Let long file names be wrapped: an invisible space after each separator.

    A label that can not wrap a word makes its whole panel as wide as the word.
    """
    return re.sub(r"([/\\\\_.,;*<>-])", "\\1\u200b", text)
