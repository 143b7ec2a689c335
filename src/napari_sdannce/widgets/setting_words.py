"""Settings in words: what a form calls them, and what it offers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from napari_sdannce.jobs.gpus import cuda_devices
from napari_sdannce.settings.base import MOST_CHANNELS, WIDTHS
from napari_sdannce.settings.fields import UNITS

if TYPE_CHECKING:
    from napari_sdannce.settings.fields import SettingField

_LABELS = {
    "average": "Average of weights",
    "batch_size": "Batch",
    "checkpoint": "Network",
    "chunk": "Frames a chunk",
    "clip_gradient": "Longest gradient",
    "com": "COM trace",
    "com_jitter_rounds": "Moved copies",
    "cluster_job.count": "Jobs",
    "count": "How many frames",
    "device": "Compute on",
    "downsample": "Downsample images",
    "max_error_px": "Largest error",
    "mono": "Brightness only",
    "n_views": "Views at once",
    "output": "Results folder",
    "pixel_origin": "First pixel",
    "reference_weights": "Also write .pth",
    "seed": "Random seed",
    "size_mm": "Edge of the cube",
    "sigma_mm": "Spot of the target",
    "sigma_px": "Spot of the target",
    "start": "First frame",
    "start_from": "Start from",
    "stop_after": "Stop early after",
    "subpixel": "Sub-pixel peaks",
    "train_frames": "Most frames",
    "unlabelled": "Unlabelled frames",
    "validation_experiments": "Validate on",
    "voxels": "Voxels an edge",
    "back_end": "Kind",
    "board.port": "Port of the board",
    "board.pins": "Its pins",
    "fps": "Frames a second",
    "keep_free_gb": "Keep free on the disk",
    "keyframe_s": "Keyframe every",
    "memory_mb": "Frames that wait",
    "preview_fps": "Pictures a second",
    "seconds": "Length in seconds",
    "split_s": "New file every",
    "trigger": "Exposures start by",
    "when_behind": "If encoders are behind",
    "board": "Board file",
    "distortion": "Distortion",
    "every": "Search every",
    "files": "Formats",
    "found": "Boards found before",
    "intrinsics": "Known lenses",
    "intrinsics_use": "Take them",
    "late": "Late cameras",
    "lens": "Lenses",
    "match": "Frames of a moment",
    "most": "Search at most",
    "out": "Results folder",
    "overwrite": "Replace results",
    "source": "Images of the board",
    "use": "Use at most",
    "world": "Origin and axes",
    "world_frames": "At frames",
    "world_points": "Measured points",
}
_NETWORK_WIDTH = "Network width"
GROUPS = {
    "volume": "Cube of voxels",
    "image": "Images",
    "experiment": "Experiments",
    "graph": "Graph network",
    "cluster_job": "Cluster job",
    "com_pairs": "COM from pairs of cameras",
    "encoding": "Videos",
    "board": "Trigger board",
}
"""What groups of settings are called."""
_CHOICES = {
    "pixel_origin": {
        "matlab": "(1, 1) as MATLAB",
        "zero": "(0, 0)",
        "reference": "as s-DANNCE's weights learned it",
    },
    "trigger": {
        "free": "their own clocks",
        "software": "this program",
        "hardware": "pulses at a line",
    },
    "when_behind": {"drop": "leave frames out, and say so", "stop": "stop the recording"},
    "intrinsics_use": {"prior": "as nearly right", "fixed": "as they are"},
    "late": {"tell": "are told", "correct": "are corrected"},
    "lens": {"pinhole": "usual ones", "fisheye": "very wide ones (fisheye)"},
    "match": {
        "auto": "found out",
        "index": "of equal number",
        "timestamps": "of equal time",
        "sync": "as the recording's sync says",
    },
    "world": {
        "first-camera": "of the first camera",
        "board": "of the board at a frame",
        "floor": "of the floor the board lay on",
        "points": "of measured points",
    },
}
"""What choices mean, where their names do not say it."""
_LISTS = {
    "codec": (
        *("auto", "libx264", "mjpeg", "ffv1", "libsvtav1"),
        *("hevc_nvenc", "h264_nvenc", "h264_qsv", "h264_amf"),
    ),
    "pixel_format": (
        *("Mono8", "RGB8", "BGR8", "BayerRG8", "BayerBG8", "BayerGR8", "BayerGB8", "RGB8Packed"),
    ),
}
"""What texts may be, most often; others can stand in a file."""
_LEFT_OPEN = {"cameras": "all", "crop_rows": "all", "crop_columns": "all"}
_FOLDERS = ("output", "masks", "folder", "videos", "source", "out")
_NETWORKS = ("checkpoint", "start_from")
NETWORK_FILES = "Networks (*.safetensors *.pth)"
COM_FILES = "COM traces (*.mat *.pickle *.pkl)"
LABEL_FILES = "Labels (*.mat)"
BOARD_FILES = "Boards (*.toml)"
_FILES = {
    "com": COM_FILES,
    "labels": LABEL_FILES,
    "board": BOARD_FILES,
    "world_points": "Measured points (*.csv)",
}
NONE = "none"
"""What a person writes for None, where that is not the same as leaving a field open."""
_DEVICES = ("auto", "cpu", "cuda", "mps")


def label_of(field: SettingField) -> str:
    """Short name, without its unit."""
    if _is_of_network(field):
        return _NETWORK_WIDTH
    named = _LABELS.get(".".join(field.path)) or _LABELS.get(field.name)
    if named is not None:
        return named
    name = field.name.removesuffix(next((end for end in UNITS if field.name.endswith(end)), ""))
    words = re.sub(r"\bcom\b", "COM", name.replace("_", " "))
    return words[:1].upper() + words[1:]


def caption_of(field: SettingField) -> str:
    """The first part of its help."""
    caption = re.split(r"[;:(]", field.help, maxsplit=1)[0].strip()
    label = label_of(field)
    repeats = label.startswith(caption) or caption.startswith(label)
    return "" if repeats else caption


def tip_of(field: SettingField) -> str:
    """All that is known of it, with its name in files and on the command line."""
    parts = [f"{field.help}."] if field.help else []
    if field.default not in (None, (), ""):
        parts.append(f"Default: {plain(field.default)}.")
    if field.can_be_none:
        parts.append(f"Or '{NONE}'.")
    return " ".join([*parts, f"In files: {'.'.join(field.path)}"])


def left_open(field: SettingField) -> str:
    """What a field that is left open stands for."""
    if field.is_required:
        return "choose one"
    after = re.search(r"default: ([^;(]+)", field.help)
    if after is not None:
        return after.group(1).strip()
    if field.path[0] in ("volume", "image") and field.group_may_be_left:
        return "as in training"
    return _LEFT_OPEN.get(field.name, "none")


def plain(value: Any) -> str:
    """A value as a person writes it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list):
        return ", ".join(map(str, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def shorten(name: str, most: int) -> str:
    """A name of at most so many letters: the middle of a longer one is left out."""
    if len(name) <= most:
        return name
    half = (most - 1) // 2
    return f"{name[:half]}…{name[-half:]}"


def cut(text: str, most: int) -> str:
    """A text of at most so many letters: the last words of a longer one are left out."""
    if len(text) <= most:
        return text
    return f"{text[: most - 1].rpartition(' ')[0]} …"


def _is_of_network(field: SettingField) -> bool:
    """Whether it is the width of a network, and not of an image."""
    return field.name == "width" and field.high == MOST_CHANNELS


def choices_of(field: SettingField) -> list[tuple[str, Any]] | None:
    """What can be chosen, in words and as a value; None where anything may be typed."""
    if field.is_tuple:
        return None
    if _is_of_network(field):
        return [(f"{name} ({channels})", channels) for name, channels in WIDTHS.items()]
    if field.name == "device":
        several = cuda_devices()[1:]  # the first is what 'cuda' means
        return [(name, name) for name in (*_DEVICES, *several)]
    if field.kind is bool and field.may_be_left:
        return [("yes", True), ("no", False)]
    if field.name in _LISTS:
        return [(word, word) for word in _LISTS[field.name]]
    words = _CHOICES.get(field.name, {})
    return [(words.get(each, each.replace("_", " ")), each) for each in field.choices] or None


def is_folder(field: SettingField) -> bool:
    """Whether a path is that of a folder."""
    return field.name in _FOLDERS


def files_of(field: SettingField) -> str:
    """Which files to offer."""
    if field.name in _NETWORKS:
        return NETWORK_FILES
    return _FILES.get(field.name, "All files (*)")
