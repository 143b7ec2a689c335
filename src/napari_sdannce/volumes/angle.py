"""The arc tangent of the fisheye lens, the same in every sampler.

A polynomial: libraries round their own arc tangents differently, and a loop that calls one is not
turned into vector instructions.
"""

from __future__ import annotations

from typing import Any

import numpy as np

# least largest relative error of arctan(t) / t over 0..1, as a polynomial of t^2; the angle is
# right to 1.2e-7 in float32, which is 1e-4 px of a usual lens
ARCTAN = tuple(
    np.float32(each)
    for each in (
        1.0, -0.33333072, 0.1999262, -0.14203644, 0.106409334, -0.075042926, 0.0426915,
        -0.016068615, 0.0028498864,
    )
)  # fmt: skip
"""Coefficients for `arctan`, float32."""


def arctan(t: Any, c: Any) -> Any:
    """Arc tangent of 0..1, for tensors and, compiled, for numbers; `c` are those of `ARCTAN`."""
    q = t * t
    high = c[4] + q * (c[5] + q * (c[6] + q * (c[7] + q * c[8])))
    return t * (c[0] + q * (c[1] + q * (c[2] + q * (c[3] + q * high))))
