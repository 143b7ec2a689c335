"""How a video is encoded: codec, quality, keyframes, and what survives a crash."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from collections.abc import Mapping

LOSSLESS = ("ffv1", "libx264rgb", "rawvideo", "huffyuv")
"""Codecs that keep every value."""
FRAGMENTS = "hybrid_fragmented+frag_every_frame+empty_moov+default_base_moof"
"""Every frame is readable as soon as the next one is written (100 bytes a frame); when the file is
finished, it gets the table of any other mp4."""
CRASH_SAFE = {
    ".mp4": {"movflags": FRAGMENTS, "flush_packets": "1"},
    ".mov": {"movflags": FRAGMENTS, "flush_packets": "1"},
    ".mkv": {"cluster_time_limit": "500", "flush_packets": "1"},
}
"""Options of the formats that stay readable when they are never finished."""
CRF = ("libx264", "libx265")
"""Codecs whose quality is a constant rate factor."""
TAGGED = (*CRF, "h264_nvenc", "hevc_nvenc", "h264_qsv", "h264_amf", "libsvtav1")
"""Codecs whose stream says which colour matrix and range it holds; others are taken for BT.601."""
FULL_RANGE = (*TAGGED, "mjpeg")
"""Codecs that are read as full range; others are taken for limited range."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a video is encoded.

    Parameters
    ----------
    codec
        FFmpeg's name of the encoder. "ffv1" and "libx264rgb" lose nothing.
    quality
        Constant rate factor of x264/x265: 0 the best, 23 usual, 51 the worst.
    keyframe_seconds
        Most seconds between keyframes: how far a jump has to decode.
    crash_safe
        Keep what was written readable if the program is killed: mp4 in fragments, mkv in short
        clusters. x264 itself holds some frames back; ``options={"tune": "zerolatency"}`` makes it
        hold none.
    options
        More options of the encoder.
    """

    codec: str = "libx264"
    quality: int = 18
    keyframe_seconds: float = 1.0
    crash_safe: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_tagged(self) -> bool:
        """Whether the stream says that it holds BT.709, full range."""
        return self.codec in TAGGED

    @property
    def is_full_range(self) -> bool:
        """Whether black is 0 and white 255 in the luma plane."""
        return self.codec in FULL_RANGE

    def container_options(self, suffix: str) -> dict[str, str]:
        """Options of the format that a suffix stands for."""
        return dict(CRASH_SAFE.get(suffix.lower(), {})) if self.crash_safe else {}

    def encoder_options(self, suffix: str) -> dict[str, str]:
        """Options of the encoder in such a format; those of the caller win."""
        chosen: dict[str, str] = {}
        if "movflags" in self.container_options(suffix):
            # frames stored out of order would be lost with the last ones, and shift the times
            chosen["bf"] = "0"
        if self.codec in CRF:
            chosen |= {"crf": str(self.quality), "preset": "fast"}
        elif self.codec == "libx264rgb":
            chosen |= {"qp": "0", "preset": "fast"}
        elif self.codec in ("mjpeg", "mpeg4"):
            # +qscale would need a quality with each frame, and without one takes the best
            chosen |= dict.fromkeys(("qmin", "qmax"), str(max(1, round(self.quality / 6))))
        return chosen | dict(self.options)

    def pixel_format(self, *, gray: bool, odd: bool) -> str:
        """FFmpeg's name of the format that keeps most; `odd`: a side is no multiple of two.

        Raises
        ------
        ValueError
            When the codec takes no format that we can make.
        """
        known = {found.name for found in av.Codec(self.codec, "w").video_formats or ()}
        wanted = []
        if self.codec in LOSSLESS:
            wanted += ["gray"] if gray else ["rgb24", "gbrp", "bgr0"]
        if self.codec == "mjpeg":
            wanted += [*(["gray"] if gray else []), "yuvj444p" if odd else "yuvj420p"]
        wanted += ["yuv444p"] if odd else ["yuv420p", "nv12", "yuv444p"]
        if self.codec == "libsvtav1":
            wanted.append("yuv420p")  # of any size
        for name in wanted:
            if name in known:
                return name
        why = (
            "takes no images with an odd width or height"
            if odd
            else "takes none of " + (", ".join(wanted))
        )
        raise ValueError(f"'{self.codec}' {why}")
