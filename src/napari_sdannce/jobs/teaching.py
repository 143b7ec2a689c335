"""Checks before a training: labels, centres of mass, the cube, memory and disk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np

from napari_sdannce.files import open_labels
from napari_sdannce.files.choose_labels import choose_labels
from napari_sdannce.jobs import memory
from napari_sdannce.jobs.checks import (
    UNREADABLE,
    Check,
    KnownNetwork,
    bad,
    careful,
    check_cameras,
    check_disk,
    check_memory,
    check_network,
    found_com,
    good,
    inside,
    listed,
    opened,
    sentence,
)
from napari_sdannce.jobs.gpus import free_gpu_memory
from napari_sdannce.jobs.loss_files import check_bones, check_masks
from napari_sdannce.jobs.pictures import image_pixels, of_coms, of_poses
from napari_sdannce.labels import mean_keypoint
from napari_sdannce.predictions import read_com_trace
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.settings import ComTrainSettings, DannceTrainSettings, SdannceTrainSettings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from napari_sdannce.labels import Labels
    from napari_sdannce.predictions import ComTrace
    from napari_sdannce.recording import Recording
    from napari_sdannce.settings import ExperimentSettings, TrainSettings
    from napari_sdannce.skeletons import Skeleton

    FloatArray = npt.NDArray[np.float64]

_FEW_FRAMES = 50
_MUCH_OUTSIDE = 0.2
_SOME_OUTSIDE = 0.002
_SMALLER = "a smaller batch, width or number of voxels takes less"
_FEWER = "training keeps its pictures there; fewer 'train_frames' take less"
_KINDS = {"com": ("com",), "dannce": ("dannce", "sdannce")}


@dataclass(frozen=True, eq=False)
class _Example:
    """One experiment, opened for the check."""

    settings: ExperimentSettings
    recording: Recording
    label_files: Sequence[Path]
    labels: Sequence[Labels]


def check_training(settings: TrainSettings) -> list[Check]:
    """Look at all that a training needs, without beginning it.

    Reads label files and the heads of videos, so it may take a second; touches nothing.

    Parameters
    ----------
    settings
        `ComTrainSettings`, `DannceTrainSettings` or a class made from one.
    """
    return list(_checks(settings))


def _checks(settings: TrainSettings) -> Iterator[Check]:
    if not settings.experiments:
        yield bad("choose an experiment to learn from")
        return
    kind: Literal["com", "dannce"] = "com" if isinstance(settings, ComTrainSettings) else "dannce"
    examples = []
    for each in settings.experiments:
        recording = opened(each.folder, each.pixel_origin, each.videos)
        if isinstance(recording, Check):
            yield recording
            continue
        yield from check_cameras(recording, each.cameras)
        example = _example(each, recording, kind)
        if isinstance(example, Check):
            yield example
            continue
        examples.append(example)
        yield from _check_labels(example, settings)
        if isinstance(settings, DannceTrainSettings):
            yield from _check_cube(example, settings)
            yield from _check_unlabelled(example, settings)
            yield from check_masks(settings.losses, each, recording)
    if examples and isinstance(settings, DannceTrainSettings):
        skeleton = examples[0].labels[0].skeleton
        yield from check_bones(settings.losses, skeleton)
        yield from _check_mirror(settings, skeleton)
        yield from _check_same_cameras(settings, examples)
    yield from _check_start(settings, kind)
    if examples:
        yield from _check_machine(settings, examples)


def _example(
    settings: ExperimentSettings, recording: Recording, kind: Literal["com", "dannce"]
) -> _Example | Check:
    """An experiment with the labels that the training will take, or why there are none."""
    try:
        fitting = choose_labels(
            settings,
            recording.label_files,
            kind,
            lambda path, skeleton: _read(path, _changed(path), skeleton, settings.pixel_origin),
        )
    except UNREADABLE as error:
        return bad(f"{recording.name}: {sentence(error)}")
    return _Example(
        settings, recording, [path for path, _ in fitting], [labels for _, labels in fitting]
    )


@lru_cache(maxsize=32)
def _read(path: Path, changed: float, skeleton: str | None, origin: str) -> Labels:
    return open_labels(path, skeleton=skeleton, pixel_origin=PixelOrigin(origin))


def _changed(path: Path) -> float:
    """When a file was changed, so that what was read of it is read anew then."""
    return path.stat().st_mtime


def _check_labels(example: _Example, settings: TrainSettings) -> Iterator[Check]:
    name = example.recording.name
    moments: set[int] = set()
    for labels in example.labels:
        moments |= set(labels.sample_ids[labels.any_3d].tolist())
    count = len(moments)
    files = listed([path.name for path in example.label_files], 2)
    text = f"{name}: {count} labelled frames ({files}), {settings.validation_frames} to validate"
    if not count:
        yield bad(f"{name}: nothing is labelled in 3D")
    elif count <= settings.validation_frames:
        yield bad(f"{text}: none is left to learn from")
    elif count < _FEW_FRAMES:
        yield careful(f"{text}; that is few, some hundreds are better")
    else:
        yield good(text)
    if count and not settings.validation_frames:
        yield careful(f"{name}: without frames to validate nobody sees when to stop")


def _check_cube(example: _Example, settings: DannceTrainSettings) -> Iterator[Check]:
    """Whether centres of mass are known, and the labelled keypoints lie in the cube round them."""
    name, folder = example.recording.name, example.recording.folder
    try:
        trace = None if example.settings.com is None else read_com_trace(example.settings.com)
    except UNREADABLE as error:
        yield bad(f"{name}: {sentence(error)}")
        return
    points, centres = [], []
    for labels in example.labels:
        rows = labels.select_frames(labels.any_3d)
        found = _centres(rows, trace, settings.volume.size_mm)
        if found is None:
            yield bad(f"{name}: the COM trace is of fewer animals than the labels")
            return
        points.append(rows.points_3d.reshape(-1, *rows.points_3d.shape[2:]))
        centres.append(found.reshape(-1, 3))
    path = example.settings.com
    middle = "the mean keypoint" if path is None else f"the COMs of {inside(path, folder)}"
    yield from _in_cube(name, middle, np.concatenate(points), np.concatenate(centres), settings)


def _centres(labels: Labels, trace: ComTrace | None, farthest: float) -> FloatArray | None:
    """Centres (F, A, 3) mm: mean keypoints, or what of a trace is near them.

    None when the trace is of fewer animals than the labels.
    """
    means = mean_keypoint(labels.points_3d)
    if trace is None:
        return means
    if trace.n_animals < len(labels.animals):
        return None
    there = trace.at(labels.sample_ids).positions
    apart = np.linalg.norm(means[:, :, None] - there[:, None], axis=-1)
    apart = np.where(np.isnan(apart), np.inf, apart)
    nearest = np.take_along_axis(there, apart.argmin(axis=2)[..., None], axis=1)
    return np.where(apart.min(axis=2)[..., None] <= farthest, nearest, np.nan)


def _in_cube(
    name: str, middle: str, points: FloatArray, centres: FloatArray, settings: DannceTrainSettings
) -> Iterator[Check]:
    """Tell of keypoints (n, K, 3) outside the cubes round centres (n, 3), mm; `middle` in words."""
    labelled: npt.NDArray[np.bool_] = np.asarray(np.isfinite(points).all(axis=-1))
    animals: npt.NDArray[np.bool_] = np.asarray(labelled.any(axis=-1))
    known = animals & np.isfinite(centres).all(axis=-1)
    if not known.any():
        yield bad(f"{name}: no labelled animal has a COM near it")
        return
    if known.sum() < animals.sum():
        yield careful(f"{name}: {known.sum()} of {animals.sum()} labelled poses have a COM")
    away = np.abs(points - centres[:, None])[labelled & known[:, None]]
    size, jitter = settings.volume.size_mm, settings.com_jitter_mm
    outside = _share_outside(away, size / 2, jitter)
    # the mean of few keypoints lies elsewhere than the animal's middle, so not the utmost of all
    enough = float(2 * np.quantile(away.max(axis=-1), 0.999) + 2 * jitter)
    moved = f", moved by up to {jitter:g} mm" if jitter else ""
    cube = f"the cube of {size:g} mm round {middle}{moved}"
    text = f"{name}: {outside:.1%} of the labelled keypoints lie outside {cube}"
    if outside > _MUCH_OUTSIDE:
        yield bad(f"{text}; {enough:.0f} mm would hold them")
    elif outside > _SOME_OUTSIDE:
        yield careful(f"{text}; {enough:.0f} mm would hold nearly all")
    else:
        how_many = "all" if outside == 0 else "nearly all"
        yield good(f"{name}: {how_many} labelled keypoints lie in {cube}")


def _share_outside(away: FloatArray, half: float, jitter: float) -> float:
    """Share of keypoints outside cubes that are moved by up to `jitter` along each axis, mm.

    Parameters
    ----------
    away
        (n, 3) distances from the middle along each axis.
    half
        Half of the cube's edge.
    jitter
        Each cube is moved by an amount drawn evenly between minus and plus this.
    """
    if jitter:
        # the moves at which it is inside run from away - half to away + half
        moves = np.minimum(jitter, away + half) - np.maximum(-jitter, away - half)
        inside_axis = np.clip(moves, 0, None) / (2 * jitter)
    else:
        inside_axis = (away <= half).astype(np.float64)
    return float(1 - inside_axis.prod(axis=-1).mean())


def _check_unlabelled(example: _Example, settings: DannceTrainSettings) -> Iterator[Check]:
    """Whether there are centres of mass for the frames without labels."""
    if settings.unlabelled == "none" or example.settings.com is not None:
        return
    found = found_com(example.recording)
    if isinstance(found, Check):
        yield bad(f"frames without labels need a COM, and {found.text}")
    else:
        where = inside(found, example.recording.folder)
        yield good(f"{example.recording.name}: frames without labels have their COMs from {where}")


def _check_same_cameras(
    settings: DannceTrainSettings, examples: Sequence[_Example]
) -> Iterator[Check]:
    """Whether all experiments have the same cameras, where a volume is of all of them."""
    if settings.views == "with_replacement" and settings.n_views is not None:
        return
    names = [each.settings.cameras or each.recording.names for each in examples]
    for each, found in zip(examples, names, strict=True):
        if tuple(found) != tuple(names[0]):
            yield bad(
                f"{each.recording.name} has the cameras {', '.join(found)}, "
                f"{examples[0].recording.name} {', '.join(names[0])}: give all the same 'Cameras', "
                "or draw 'Views at once' with replacement"
            )
            return


def _check_mirror(settings: DannceTrainSettings, skeleton: Skeleton) -> Iterator[Check]:
    """Whether it is known what is left and what is right, when volumes are mirrored."""
    try:
        paired = skeleton.with_pairs(settings.mirror_pairs)
    except ValueError as error:
        yield bad(str(error))
        return
    if settings.mirror and not paired.pairs:
        yield bad(
            f"'Mirror' needs to know left and right, and skeleton '{skeleton.name}' does not say; "
            "give 'Mirror pairs' as LEFT:RIGHT"
        )


def _check_start(settings: TrainSettings, kind: Literal["com", "dannce"]) -> Iterator[Check]:
    if settings.start_from is not None:
        found = check_network(settings.start_from, _KINDS[kind], "be where this training starts")
        yield found if isinstance(found, Check) else _check_first(settings, found)
    elif isinstance(settings, SdannceTrainSettings):
        yield careful("starts from nothing; s-DANNCE is meant to start from a DANNCE network")
    output = settings.output
    if output is not None and output.is_file():
        yield bad(f"{output} is a file; choose a folder for the results")
    if output is not None and output.is_dir() and any(output.iterdir()):
        yield bad(f"the output folder {output} is not empty; choose another")


def _check_first(settings: TrainSettings, network: KnownNetwork | None) -> Check:
    """Whether the network to start from is as wide, and learned in a cube like this one."""
    assert settings.start_from is not None
    text = f"starts from {settings.start_from.name}"
    others = []
    if network is not None and isinstance(settings, ComTrainSettings | DannceTrainSettings):
        if settings.width != network.width:
            others += [f"of width {network.width} (here {settings.width}: its weights are adapted)"]
        if isinstance(settings, DannceTrainSettings) and network.size_mm is not None:
            cube = settings.volume
            if (cube.size_mm, cube.voxels) != (network.size_mm, network.voxels):
                others += [
                    f"which learned in a cube of {network.size_mm:g} mm and {network.voxels} "
                    f"voxels (here {cube.size_mm:g} mm and {cube.voxels})"
                ]
    return careful(f"{text}, {', '.join(others)}") if others else good(text)


def _check_machine(settings: TrainSettings, examples: Sequence[_Example]) -> Iterator[Check]:
    first = examples[0]
    if isinstance(settings, ComTrainSettings):
        needed = memory.of_training_images(
            settings.batch_size, image_pixels(first.recording, settings), settings.width
        )
        pictures = sum(of_coms(each.recording, each.labels, settings) for each in examples)
    elif isinstance(settings, DannceTrainSettings):
        views = settings.n_views or len(first.settings.cameras or first.recording.names)
        channels = views * (1 if settings.mono else 3)
        needed = memory.of_training_volumes(
            settings.batch_size,
            settings.volume.voxels,
            settings.width,
            channels,
            len(first.labels[0].skeleton.keypoints),
        )
        pictures = sum(of_poses(each.recording, each.labels, settings) for each in examples)
    else:
        raise TypeError(f"settings of a COM or DANNCE training, got {type(settings).__name__}")
    if settings.device in ("cpu", "mps") or free_gpu_memory(settings.device) is None:
        needed += pictures
    else:
        yield check_memory(pictures, "cpu", _FEWER)
    yield check_memory(needed, settings.device, _SMALLER)
    yield check_disk(settings.output or first.recording.folder)
