"""Distortion coefficients in OpenCV's order, as most calibrations have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from napari_sdannce.geometry.cameras import Camera

_TERMS = ("k1", "k2", "p1", "p2", "k3", "k4", "k5", "k6", "s1", "s2", "s3", "s4", "tx", "ty")
_LENGTHS = (0, 4, 5, 8, 12, 14)
_FISHEYE_TERMS = 4
_MODELS = {"k": "rational", "s": "thin prism", "t": "tilted"}


def lens_from_opencv(coefficients: np.ndarray, *, fisheye: bool) -> tuple[np.ndarray, np.ndarray]:
    """Radial and tangential coefficients of a `Camera`.

    Parameters
    ----------
    coefficients
        (n,) k1, k2, p1, p2, k3 ...; of a fisheye (4,) k1, k2, k3, k4.
    fisheye
        Which of the two they are.

    Raises
    ------
    ValueError
        When there are too few or too many, or a term is not 0 that no camera here has.

    Examples
    --------
    >>> radial, tangential = lens_from_opencv(np.array([0.1, 0.2, 0.3, 0.4, 0.0]), fisheye=False)
    >>> radial.tolist(), tangential.tolist()
    ([0.1, 0.2], [0.3, 0.4])
    """
    found = np.asarray(coefficients, dtype=np.float64).ravel()
    if fisheye:
        if len(found) not in (0, _FISHEYE_TERMS):
            raise ValueError(f"it is a fisheye with {len(found)} distortion coefficients, not 4")
        return np.append(found, np.zeros(_FISHEYE_TERMS - len(found))), np.zeros(2)
    if len(found) not in _LENGTHS:
        raise ValueError(
            f"it has {len(found)} distortion coefficients, possible are 4, 5, 8, 12 and 14"
        )
    rest = zip(_TERMS[5:], found[5:].tolist(), strict=False)
    beyond = {term: value for term, value in rest if value}
    if beyond:
        models = dict.fromkeys(_MODELS[term[0]] for term in beyond)
        raise ValueError(
            f"it has distortion terms ({', '.join(models)} model) that no camera here has: "
            f"{', '.join(f'{term} = {value:.4g}' for term, value in beyond.items())}; "
            "possible are k1, k2, p1, p2, k3 and fisheye: calibrate it with these"
        )
    k1, k2, p1, p2, k3 = np.append(found, np.zeros(5))[:5].tolist()
    return np.array([k1, k2, k3] if k3 else [k1, k2]), np.array([p1, p2])


def opencv_coefficients(camera: Camera) -> list[float]:
    """Distortion coefficients k1, k2, p1, p2, k3; of a fisheye k1, k2, k3, k4."""
    if camera.fisheye:
        return [float(each) for each in camera.radial]
    k1, k2, k3 = camera.radial3.tolist()
    p1, p2 = camera.tangential.tolist()
    return [k1, k2, p1, p2, k3]
