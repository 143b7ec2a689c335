"""Numbers as people write them."""

from __future__ import annotations

from math import floor, isfinite, log10

_UNKNOWN = "–"


def shown(value: float, digits: int = 3) -> str:
    """A number as people write it, with so many digits that count; a dash when it is not known.

    Examples
    --------
    >>> shown(0.123456), shown(1234.6), shown(20.0), shown(float("nan"))
    ('0.123', '1235', '20', '–')
    """
    if not isfinite(value):
        return _UNKNOWN
    if value == 0:
        return "0"
    places = max(digits - 1 - floor(log10(abs(value))), 0)
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
