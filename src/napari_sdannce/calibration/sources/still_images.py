"""Still images of cameras, as grey values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import av.error
import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.files.errors import FileFormatError

if TYPE_CHECKING:
    from pathlib import Path

Image = npt.NDArray[np.uint8]
Size = tuple[int, int]

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp")
EXPECTED = f"an image ({', '.join(IMAGE_SUFFIXES)})"
_MAX_BYTES = 2**30
_BEGIN_OF_JPEG, _END_OF_JPEG = b"\xff\xd8", b"\xff\xd9"
_LAST_BYTES = 64
"""Some cameras write a little behind the image."""


def image_size(path: Path) -> Size:
    """(width, height) of an image, px, from its header.

    Raises
    ------
    FileFormatError
        When it is no image.
    """
    try:
        # as a stream: in a name, FFmpeg takes % for the number of an image
        with path.open("rb") as stream, av.open(stream) as container:
            context = container.streams.video[0].codec_context
            size = (context.width, context.height)
    except (OSError, av.error.FFmpegError, IndexError, ValueError) as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    if min(size) < 1:
        raise FileFormatError(path, "it has no size", EXPECTED)
    return size


def check_whole(path: Path) -> None:
    """Raise FileFormatError for a JPEG that ends early; decoders fill the rest with grey."""
    try:
        with path.open("rb") as stream:
            if stream.read(2) != _BEGIN_OF_JPEG:
                return
            stream.seek(max(0, path.stat().st_size - _LAST_BYTES))
            if _END_OF_JPEG not in stream.read():
                raise FileFormatError(path, "it ends in the middle of the image", EXPECTED)
    except OSError as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error


def read_gray(path: Path) -> Image:
    """Read an image as (h, w) uint8, as the sensor saw it, whatever orientation the file notes.

    Of images of more than 8 bits the brightest value becomes 255; transparency is left out.

    Raises
    ------
    FileFormatError
        When it is no image, or only the beginning of one.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise FileFormatError(path, f"it has more than {_MAX_BYTES} bytes", EXPECTED)
        content = path.read_bytes()
    except OSError as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    check_whole(path)
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        found = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    except cv2.error as error:
        raise FileFormatError(path, f"not readable: {error}", EXPECTED) from error
    if found is None:
        raise FileFormatError(path, "it can not be decoded", EXPECTED)
    return _gray(np.asarray(found))


def _gray(image: npt.NDArray[Any]) -> Image:
    if image.ndim == 3:
        image = np.asarray(cv2.cvtColor(image[..., :3], cv2.COLOR_BGR2GRAY))
    if image.dtype == np.uint8:
        return np.asarray(image, dtype=np.uint8)
    # cameras of 10 and 12 bits leave the upper bits empty
    brightest = max(float(np.nan_to_num(image).max()), 1e-12)
    gray = np.clip(np.rint(np.nan_to_num(image) * (255 / brightest)), 0, 255)
    return np.asarray(gray, dtype=np.uint8)
