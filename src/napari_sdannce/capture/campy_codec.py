"""How videos are encoded, from a configuration of Campy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_sdannce.capture.codecs import OPTIONS, QUALITY

if TYPE_CHECKING:
    from napari_sdannce.capture.campy_config import CampyFile

GRAPHICS = {"nvidia": "nvenc", "amd": "amf", "intel": "qsv"}
FAMILIES = {"h264": "h264", "avc": "h264", "h265": "hevc", "hevc": "hevc"}
PRESETS = {
    "libx264": r"ultrafast|superfast|veryfast|faster|fast|medium|slow|slower|veryslow",
    "nvenc": r"slow|medium|fast|p[1-7]",
    "qsv": r"veryfast|faster|fast|medium|slow|slower|veryslow",
}
"""Presets that the encoders have today, by the end of their names."""
ALIKE = ("codec", "quality", "preset", "gpuID", "gpuMake")


class Told(NamedTuple):
    """What is told of a key."""

    key: str
    reason: str
    in_part: bool = False


def encoding_values(campy: CampyFile) -> tuple[dict[str, Any], list[Told]]:
    """Values of `EncodingSettings`, and what is told of Campy's keys."""
    chosen = {key: campy.each(key)[0] for key in ALIKE}
    told = [
        Told(key, "all cameras are encoded alike, as the first one", in_part=True)
        for key in ALIKE
        if len(set(campy.each(key))) > 1
    ]
    codec, why = _codec(chosen["codec"], chosen["gpuID"], chosen["gpuMake"])
    if why:
        told.append(Told("codec", why, in_part=True))
    if chosen["gpuID"] < 0:
        told.append(Told("gpuMake", "gpuID is -1: videos are encoded by the processor"))
    options = _quality(codec, chosen["quality"])
    if codec.endswith("nvenc"):
        options["gpu"] = str(chosen["gpuID"])
    preset = chosen["preset"]
    if preset is not None and _has_preset(codec, preset):
        options["preset"] = preset
    elif preset is not None:
        told.append(Told("preset", f"'{codec}' has no preset '{preset}'"))
    return {"codec": codec, "options": options}, told


def _codec(named: str, gpu: int, make: str) -> tuple[str, str]:
    """FFmpeg's name of the encoder, and why it is another one than Campy's."""
    if named in OPTIONS:
        return named, ""
    family = FAMILIES.get(named.lower())
    if family is None:
        return "libx264", f"'{named}' is not among {', '.join([*FAMILIES, *OPTIONS])}"
    if gpu < 0:
        slow = "x265 is too slow to record with; libx264 is taken" if family == "hevc" else ""
        return "libx264", slow
    if make not in GRAPHICS:
        return "libx264", f"gpuMake '{make}' is not among {', '.join(GRAPHICS)}"
    codec = f"{family}_{GRAPHICS[make]}"
    if codec in OPTIONS:
        return codec, ""
    return f"h264_{GRAPHICS[make]}", f"{codec} is not used here; h264 is taken"


def _quality(codec: str, quality: int) -> dict[str, str]:
    """Options for Campy's quality: a rate factor or quantiser; mjpeg and ffv1 have none such."""
    if codec in ("mjpeg", "ffv1"):
        return {}
    value = quality + 1 if codec.endswith("qsv") else quality
    return dict.fromkeys(QUALITY[codec][0], str(value))


def _has_preset(codec: str, preset: str) -> bool:
    known = next((each for end, each in PRESETS.items() if codec.endswith(end)), "")
    return bool(re.fullmatch(known, preset))
