"""Checks before a job begins: what would make it fail, or its result poor, in plain words."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from napari_sdannce.files import open_recording
from napari_sdannce.jobs import gpus
from napari_sdannce.predictions.find_com import find_com
from napari_sdannce.recording import PixelOrigin, missing_videos
from napari_sdannce.video import RecordingVideo
from napari_sdannce.video.agreement import size_problems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.recording import Recording

UNREADABLE = (ValueError, OSError, KeyError)
"""What opening a foreign file may raise."""
_GIB = 2**30
_LITTLE_DISK = 2 * _GIB
_MOST_PROBLEMS = 3
_NETWORKS = (".safetensors", ".pth")


class Verdict(StrEnum):
    """How bad it is."""

    GOOD = "good"
    NOTE = "note"
    """Nothing is wrong; something to know."""
    CAREFUL = "careful"
    """It will run, but look at it first."""
    BAD = "bad"
    """It would fail, or its result would be worthless."""


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a check.

    Parameters
    ----------
    verdict
        How bad it is.
    text
        What was found.
    results
        Folder that results will go to, on the line that says so.
    """

    verdict: Verdict
    text: str
    results: Path | None = None


def good(text: str) -> Check:
    """Nothing to worry about."""
    return Check(Verdict.GOOD, text)


def careful(text: str) -> Check:
    """Worth a look."""
    return Check(Verdict.CAREFUL, text)


def bad(text: str) -> Check:
    """To be mended first."""
    return Check(Verdict.BAD, text)


def opened(folder: Path, origin: str | None, videos: Path | None) -> Recording | Check:
    """Open a recording, or say why it can not be."""
    try:
        return open_recording(
            folder, pixel_origin=PixelOrigin(origin or PixelOrigin.MATLAB), videos=videos
        )
    except UNREADABLE as error:
        return bad(f"{folder.name} can not be opened: {sentence(error)}")


def sentence(error: BaseException) -> str:
    """One sentence about an error."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror.lower()}"
    return str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)


def check_cameras(recording: Recording, chosen: tuple[str, ...] = ()) -> Iterator[Check]:
    """Whether the cameras are there, calibrated, and have videos of the size they should."""
    unknown = [name for name in chosen if name not in recording.names]
    if unknown:
        there = ", ".join(recording.names)
        yield bad(f"{recording.name} has no camera {', '.join(unknown)}; there are {there}")
        return
    views = [recording.view(name) for name in chosen or recording.names]
    uncalibrated = [view.name for view in views if view.camera is None]
    silent = [view.name for view in views if not view.videos]
    if uncalibrated:
        yield bad(f"{recording.name}: no calibration for {listed(uncalibrated)}")
    if silent:
        yield bad(f"{recording.name}: no video of {listed(silent)}")
    if len(views) < 2:
        yield bad(f"{recording.name} has a single camera; a place in space needs two")
    if not (uncalibrated or silent or len(views) < 2):
        yield good(f"{recording.name}: {len(views)} calibrated cameras with videos")
    told = missing_videos(recording.folder, recording.views)
    others = [problem for problem in recording.problems if problem not in told]
    for problem in others[:_MOST_PROBLEMS]:
        yield careful(f"{problem.path.name}: {problem.message}")
    with RecordingVideo(recording.select([view.name for view in views])) as video:
        for problem in size_problems(video.recording, video.cameras):
            yield bad(f"{problem.path.name}: {problem.message}")


def listed(names: list[str], most: int = 4) -> str:
    """Names after one another, the first few of many."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def inside(path: Path, experiment: Path) -> str:
    """A path as it is called in the experiment folder."""
    return str(path.relative_to(experiment) if path.is_relative_to(experiment) else path)


def found_com(recording: Recording) -> Path | Check:
    """COM trace that belongs to a recording, or why it is not clear which."""
    try:
        return find_com(recording)
    except ValueError:
        if recording.com_files:
            return bad(f"{recording.name} has several COM traces; choose one in 'COM trace'")
        return bad(f"{recording.name} has no COM trace: predict it first, in the panel COM")


def check_disk(folder: Path, needed: float = 0.0) -> Check:
    """Whether there is room for results; `needed` in bytes."""
    there = next((each for each in (folder, *folder.parents) if each.is_dir()), Path("/"))
    return judge_disk(shutil.disk_usage(there).free, needed)


def judge_disk(free: float, needed: float) -> Check:
    """Whether so many free bytes suffice."""
    text = f"disk: {in_bytes(free)} free"
    if free < needed:
        return bad(f"{text}, about {in_bytes(needed)} will be written")
    if free < needed + _LITTLE_DISK:
        return careful(f"{text}, that is little")
    return good(text)


def check_memory(needed: float, device: str, remedy: str) -> Check:
    """Whether the memory suffices; `needed` in bytes, `device` as in settings."""
    free = None if device in ("cpu", "mps") else gpus.free_gpu_memory(device)
    if free is None and device.startswith("cuda"):
        if shutil.which(gpus.TOOL) is None:
            return bad(f"no GPU was found here, and the device is {device}")
        return careful(f"{gpus.TOOL} does not say how much memory of {device} is free")
    where = "memory" if free is None else "GPU memory"
    if free is None:
        free = float(psutil.virtual_memory().available)
    return judge_memory(free, needed, where, remedy)


def judge_memory(free: float, needed: float, where: str, remedy: str) -> Check:
    """Whether so many free bytes suffice."""
    text = f"{where}: about {in_bytes(needed)} needed, {in_bytes(free)} free"
    if needed > free:
        return bad(f"{text}; {remedy}")
    return careful(f"{text}; {remedy}") if needed > 0.7 * free else good(text)


def in_bytes(size: float) -> str:
    """Size in words."""
    if size >= 0.1 * _GIB:
        return f"{size / _GIB:.{0 if size >= 10 * _GIB else 1}f} GB"
    return f"{max(1, round(size / 2**20))} MB"


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    """What the file beside a checkpoint says of it."""

    kind: str
    width: int
    n_views: int | None
    n_keypoints: int | None
    channels: int
    voxels: int | None
    size_mm: float | None
    cameras: tuple[str, ...]


def read_network(checkpoint: Path) -> KnownNetwork | None:
    """What is known of a network without loading it; None for a reference ``.pth``.

    Raises
    ------
    OSError, ValueError
        When its description can not be read.
    """
    if checkpoint.suffix != ".safetensors":
        return None
    path = checkpoint.with_suffix(".json")
    content = json.loads(path.read_text(encoding="utf-8"))
    try:
        network, volume = content["network"], content["volume"]
        views = network.get("n_views")
        colours = network.get("channels_per_view", 3)
        return KnownNetwork(
            kind=network["kind"],
            width=network["width"],
            n_views=views,
            n_keypoints=network.get("n_keypoints"),
            channels=network.get("in_channels") or (views or 1) * colours,
            voxels=volume["voxels"] if volume else None,
            size_mm=volume["size_mm"] if volume else None,
            cameras=tuple(content["cameras"]),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} does not describe a network of this program") from error


def check_network(
    checkpoint: Path, kinds: tuple[str, ...], purpose: str
) -> KnownNetwork | Check | None:
    """A network for a purpose, or what is wrong with it; None when nothing is known before."""
    if not checkpoint.is_file():
        return bad(f"there is no network {checkpoint}")
    if checkpoint.suffix not in _NETWORKS:
        return bad(f"{checkpoint.name} is no network: these are {' or '.join(_NETWORKS)} files")
    try:
        network = read_network(checkpoint)
    except (OSError, ValueError) as error:
        return bad(f"the network can not be used: {sentence(error)}")
    if network is not None and network.kind not in kinds:
        return bad(f"{checkpoint.name} is a {network.kind} network and can not {purpose}")
    return network
