"""TOML files of cameras."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from .errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

_MAX_BYTES = 16_000_000


def read_toml(path: Path, expected: str) -> dict[str, Any]:
    """Tables of a TOML file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is none, or larger than any calibration.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileFormatError(path, f"it has more than {_MAX_BYTES} bytes", expected)
        return tomllib.loads(path.read_bytes().decode("utf-8"))
    except (FileNotFoundError, FileFormatError):
        raise
    except OSError as error:
        raise FileFormatError(path, f"not readable: {error}", expected) from error
    except (ValueError, RecursionError, OverflowError) as error:
        raise FileFormatError(path, f"it is no TOML file ({error})", expected) from error
