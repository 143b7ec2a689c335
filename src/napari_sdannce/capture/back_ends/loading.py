"""Loading the SDKs of cameras, which are made with SWIG."""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def loading(cameras: str, package: str, extra: str) -> Iterator[None]:
    """Import an SDK in this block.

    Raises
    ------
    CameraError
        When it is not installed; says how to get it.
    """
    try:
        with warnings.catch_warnings():
            # SWIG's modules warn when they are made; as an error, that ends the process
            warnings.simplefilter("ignore", DeprecationWarning)
            yield
    except ImportError as error:
        raise CameraError(
            f"{cameras} cameras need the package {package}: pip install 'napari-sdannce[{extra}]' "
            f"({error})"
        ) from error
