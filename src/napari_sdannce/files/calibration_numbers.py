"""Numbers of cameras in text files: checked, bounded, and named when they are something else."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np

_LARGEST = 1e12
_MOST_PIXELS = 2**20


def numbers(value: Any, name: str) -> np.ndarray:
    """Array of a number or (nested) lists of them; ValueError when it is none."""
    try:
        found = np.array(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"'{name}' holds something else than numbers") from error
    if not (np.abs(found) < _LARGEST).all():
        raise ValueError(f"'{name}' holds values that are not finite")
    return found


def vector(value: Any, name: str) -> np.ndarray:
    """(3,) of three numbers, lying or standing."""
    found = numbers(value, name).reshape(-1)
    if found.shape != (3,):
        raise ValueError(f"'{name}' is {found.tolist()[:6]}, not three numbers")
    return found


def square(value: Any, name: str) -> np.ndarray:
    """(3, 3) of nine numbers in any arrangement of rows."""
    found = numbers(value, name)
    if found.size != 9:
        raise ValueError(f"'{name}' has the shape {found.shape}, not (3, 3)")
    return found.reshape(3, 3)


def rotation(value: Any, name: str) -> np.ndarray:
    """(3, 3) of a matrix or a Rodrigues vector."""
    found = numbers(value, name)
    return square(found, name) if found.size == 9 else from_rodrigues(vector(found, name))


def from_rodrigues(turn: np.ndarray) -> np.ndarray:
    """(3, 3) rotation of a Rodrigues vector (3,)."""
    return np.asarray(cv2.Rodrigues(turn)[0], dtype=np.float64)


def to_rodrigues(turn: np.ndarray) -> np.ndarray:
    """Rodrigues vector (3,) of a rotation (3, 3)."""
    return np.asarray(cv2.Rodrigues(np.array(turn))[0], dtype=np.float64).ravel()


def image_size(value: Any, name: str = "size") -> tuple[int, int] | None:
    """(width, height) px; None for None."""
    if value is None:
        return None
    sides = value.ravel().tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(sides, list) or len(sides) != 2:
        raise ValueError(f"'{name}' is {value!r}, not [width, height]"[:100])
    if not all(isinstance(each, int | float) and math.isfinite(each) for each in sides):
        raise ValueError(f"'{name}' is {value!r}, not [width, height]"[:100])
    width, height = (int(number) for number in sides)
    if not (0 < width < _MOST_PIXELS and 0 < height < _MOST_PIXELS):
        raise ValueError(f"'{name}' is [{width}, {height}]"[:100])
    return width, height
