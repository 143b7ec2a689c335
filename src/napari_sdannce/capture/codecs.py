"""Which encoders work on this computer, and what the qualities mean for each of them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import av.error
import av.logging
import numpy as np

from napari_sdannce.capture.cameras import PixelLayout
from napari_sdannce.video import Encoding
from napari_sdannce.video.output import Footage, set_up
from napari_sdannce.video.uncoded_frames import UncodedFrames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.video.codeccontext import VideoCodecContext

    from napari_sdannce.capture.cameras import Format
    from napari_sdannce.settings.capture import EncodingSettings

SUFFIX = ".mp4"
AUTO = ("hevc_nvenc", "h264_nvenc", "h264_qsv", "h264_amf", "libx264")
"""Tried in this order."""
OPTIONS = {
    "hevc_nvenc": {"preset": "p3", "rc": "constqp", "zerolatency": "1", "forced-idr": "1"},
    "h264_nvenc": {"preset": "p3", "rc": "constqp", "zerolatency": "1", "forced-idr": "1"},
    "h264_qsv": {"preset": "veryfast", "async_depth": "1", "forced_idr": "1"},
    "h264_amf": {"quality": "speed", "rc": "cqp", "forced_idr": "1"},
    "libx264": {"preset": "ultrafast", "tune": "zerolatency"},
    # faster presets leave blocks of a frame as they were in the one before: a mouse half moved
    "libsvtav1": {"preset": "9", "svtav1-params": "pred-struct=1"},
    "mjpeg": {},
    "ffv1": {"level": "3", "g": "1", "slices": "4", "slicecrc": "1"},
}
"""Options of each encoder. None holds frames back, and none makes B-frames."""
QUALITY = {
    "hevc_nvenc": (("qp",), (30, 26, 22, 17)),
    "h264_nvenc": (("qp",), (28, 24, 20, 15)),
    "h264_qsv": (("global_quality",), (28, 24, 20, 15)),
    "h264_amf": (("qp_i", "qp_p"), (28, 24, 20, 15)),
    "libx264": (("crf",), (27, 22, 18, 12)),
    "libsvtav1": (("crf",), (45, 36, 28, 18)),
    "mjpeg": (("qmin", "qmax"), (8, 5, 3, 2)),
}
"""Names of the options of quality, and what they are for each of the `LEVELS`."""
LEVELS = ("low", "medium", "high", "visually_lossless")


class CodecError(Exception):
    """No encoder that can be used; the message says why, and which can."""


def encoding_of(codec: str, settings: EncodingSettings) -> Encoding:
    """How a codec is used for these settings; options of the person win.

    Raises
    ------
    CodecError
        When there is no such codec.
    """
    if codec not in OPTIONS:
        raise CodecError(f"no codec is called '{codec}'; there are auto, {', '.join(OPTIONS)}")
    options = dict(OPTIONS[codec])
    if codec in QUALITY:
        names, values = QUALITY[codec]
        options |= dict.fromkeys(names, str(values[LEVELS.index(settings.quality)]))
    return Encoding(
        codec,
        keyframe_seconds=settings.keyframe_s,
        crash_safe=True,
        options=options | settings.options,
    )


def footage_of(format_: Format, fps: float, *, exact: bool = False, threads: int = 1) -> Footage:
    """What an encoder gets from a camera.

    Parameters
    ----------
    format_
        Of its images.
    fps
        Frames a second.
    exact
        Whether frames carry their times in microseconds, instead of being evenly spaced.
    threads
        Of the encoder.
    """
    return Footage(
        format_.width,
        format_.height,
        Fraction(fps).limit_denominator(1001),
        gray=format_.layout is PixelLayout.MONO,
        tick=Fraction(1, 1_000_000) if exact else None,
        threads=threads,
    )


def why_not(encoding: Encoding, footage: Footage, count: int = 1) -> str:
    """Open encoders and give each an image: why that failed, nothing when it did not.

    Parameters
    ----------
    encoding, footage
        What is to be tried.
    count
        Encoders that must work at the same time; graphics cards allow only so many.
    """
    with _messages() as messages, ExitStack() as opened:
        for number in range(count):
            try:
                encoder = _open(encoding, footage)
                opened.callback(encoder.flush_buffers)
                _encode_black(encoder, encoding, footage)
            except (av.error.FFmpegError, OSError, ValueError) as error:
                reason = messages[0][2].strip() if messages else _reason(error)
                return f"{reason} (at encoder {number + 1} of {count})" if number else reason
    return ""


def choose_encoding(settings: EncodingSettings, footage: Footage, count: int = 1) -> Encoding:
    """Take the codec that was asked for, or the first that works.

    Parameters
    ----------
    settings
        Codec, quality and options.
    footage
        Images of a camera.
    count
        Cameras whose encoders must work at the same time.

    Raises
    ------
    CodecError
        When it does not work, or none does.
    """
    names = AUTO if settings.codec == "auto" else (settings.codec,)
    if settings.options and len(names) > 1:
        raise CodecError("options are of one codec: name it, in place of 'auto'")
    reasons = {}
    for name in names:
        encoding = encoding_of(name, settings)
        reasons[name] = why_not(encoding, footage, count)
        if not reasons[name]:
            return encoding
    told = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
    others = [name for name in OPTIONS if name not in reasons and works(name, footage, count)]
    usable = f"those that work are {', '.join(others)}" if others else "no other works either"
    raise CodecError(f"videos of {footage.width}x{footage.height} px: {told}; {usable}")


def works(codec: str, footage: Footage, count: int = 1) -> bool:
    """Whether a codec can be used here as it is."""
    plain = Encoding(codec, crash_safe=True, options=OPTIONS[codec])
    return not why_not(plain, footage, count)


def _open(encoding: Encoding, footage: Footage) -> VideoCodecContext:
    options = encoding.encoder_options(SUFFIX)
    encoder = av.CodecContext.create(encoding.codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    set_up(encoder, footage, encoding, options)
    encoder.options = options
    encoder.open()
    left = encoder.options  # those that it took are gone
    unknown = [
        name for name in encoding.options if name in left and name not in OPTIONS[encoding.codec]
    ]
    if unknown:
        raise ValueError(f"it has no option '{unknown[0]}'")
    return encoder


def _encode_black(encoder: VideoCodecContext, encoding: Encoding, footage: Footage) -> None:
    shape = (footage.height, footage.width, *(() if footage.gray else (3,)))
    frames = UncodedFrames(str(encoder.pix_fmt), encoding)
    frame = frames.make(np.zeros(shape, np.uint8), "gray" if footage.gray else "bgr24")
    frame.pts, frame.time_base = 0, footage.time_base
    if not [*encoder.encode(frame), *encoder.encode(None)]:
        raise ValueError("it makes nothing of an image")


@contextmanager
def _messages() -> Iterator[list[tuple[int, str, str]]]:
    """What FFmpeg says in this thread: its errors alone do not tell that a driver is missing."""
    before = av.logging.get_level()
    av.logging.set_level(av.logging.ERROR)
    try:
        with av.logging.Capture() as messages:
            yield messages
    finally:
        av.logging.set_level(before)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
