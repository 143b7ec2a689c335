"""Frames as a person looks at them: small, in colour, with what tells of light and focus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from napari_sdannce.capture.cameras import PixelLayout

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import Frame, Image

N_LEVELS = 64
"""Levels of a histogram, from black to white."""
_WHITE = 255
_TO_RGB = {
    PixelLayout.BAYER_RG: cv2.COLOR_BayerRGGB2RGB,
    PixelLayout.BAYER_BG: cv2.COLOR_BayerBGGR2RGB,
    PixelLayout.BAYER_GR: cv2.COLOR_BayerGRBG2RGB,
    PixelLayout.BAYER_GB: cv2.COLOR_BayerGBRG2RGB,
    PixelLayout.BGR: cv2.COLOR_BGR2RGB,
}
_IS_BAYER = frozenset(_TO_RGB) - {PixelLayout.BGR}


@dataclass(frozen=True, eq=False, slots=True)
class Picture:
    """A frame to look at.

    Parameters
    ----------
    image
        (h, w) grey or (h, w, 3) RGB, uint8, no wider than was asked for.
    width, height
        Size of the frame (px).
    histogram
        (64,) share of pixels of each level, from black to white.
    saturated, black
        Share of pixels that are as bright as can be, and as dark.
    focus
        Sharpness: variance of the Laplacian over the mean squared, of the middle of the frame. It
        only compares frames of one camera.
    host_ns
        Monotonic time when the frame arrived.
    block_id
        The camera's own count of exposures.
    """

    image: Image
    width: int
    height: int
    histogram: npt.NDArray[np.float32]
    saturated: float
    black: float
    focus: float
    host_ns: int
    block_id: int | None


def picture_of(frame: Frame, layout: PixelLayout, width: int) -> Picture:
    """Make a picture of a frame that has an image, at most `width` px wide."""
    image = frame.image
    assert image is not None
    height, full_width = image.shape[:2]
    counts = np.bincount(_sample(image).ravel(), minlength=256)
    shares = counts / counts.sum()
    return Picture(
        _small(image, layout, width),
        full_width,
        height,
        shares.reshape(N_LEVELS, -1).sum(axis=1).astype(np.float32),
        float(shares[_WHITE]),
        float(shares[0]),
        _focus(image, layout),
        frame.host_ns,
        frame.block_id,
    )


def _sample(image: Image) -> Image:
    """Every third pixel of every third row: of a colour filter, all colours alike."""
    return image[::3, ::3]


def _small(image: Image, layout: PixelLayout, width: int) -> Image:
    """The image in colour, made as narrow as wanted; colours of a filter are made of quads."""
    if layout in _IS_BAYER and image.shape[1] >= 2 * width:
        image = _quads(image, layout)
    elif layout in _TO_RGB:
        image = np.asarray(cv2.cvtColor(image, _TO_RGB[layout]), dtype=np.uint8)
    if image.shape[1] <= width:
        return image.copy()
    size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _quads(image: Image, layout: PixelLayout) -> Image:
    """(H / 2, W / 2, 3) RGB of a colour filter, by its four pixels: far quicker than all of it."""
    height, width = image.shape[0] // 2 * 2, image.shape[1] // 2 * 2
    a, b = image[0:height:2, 0:width:2], image[0:height:2, 1:width:2]
    c, d = image[1:height:2, 0:width:2], image[1:height:2, 1:width:2]
    red, green, blue = {
        PixelLayout.BAYER_RG: (a, b, d),
        PixelLayout.BAYER_BG: (d, b, a),
        PixelLayout.BAYER_GR: (b, a, c),
        PixelLayout.BAYER_GB: (c, a, b),
    }[layout]
    return np.stack([red, green, blue], axis=-1)


def _focus(image: Image, layout: PixelLayout) -> float:
    """Sharpness of the middle of an image."""
    height, width = image.shape[:2]
    middle = image[height // 4 : height - height // 4, width // 4 : width - width // 4]
    if layout in _IS_BAYER:
        middle = middle[::2, ::2]
    if middle.ndim == 3:
        middle = middle[..., 1]
    edges = cv2.Laplacian(np.ascontiguousarray(middle), cv2.CV_16S, ksize=3)
    _, spread = cv2.meanStdDev(edges)
    return float(spread[0, 0] ** 2 / max(1.0, float(middle.mean()) ** 2))
