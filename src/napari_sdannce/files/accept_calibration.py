"""Calibrating a recording by cameras that were calibrated elsewhere; what was there is kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .anipose import FILE, write_anipose
from .compare_calibrations import calibration_difference
from .errors import FileFormatError
from .label_file import read_label_source
from .project_file import PROJECT_FILE, Project, read_project, write_project

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from napari_sdannce.geometry.cameras import Camera
    from napari_sdannce.recording import Recording

ImageSize = tuple[int, int]


@dataclass(frozen=True, eq=False, slots=True)
class Acceptance:
    """What taking a calibration over will do.

    Parameters
    ----------
    recording
        What is to be calibrated.
    cameras
        By what, in the order of the recording.
    troubles
        Why it can not be; nothing is written while there are some.
    notes
        What a person should know before.
    kept
        What an older ``calibration.toml`` will be called; None: there is none.
    names_it
        Whether the project file has to say that ``calibration.toml`` counts, since something else
        would come before it.
    """

    recording: Recording
    cameras: tuple[Camera, ...]
    troubles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    kept: Path | None = None
    names_it: bool = False

    @property
    def path(self) -> Path:
        """Where the calibration goes."""
        return self.recording.folder / FILE


def plan_acceptance(
    cameras: Sequence[Camera],
    recording: Recording,
    today: date,
    sizes: Sequence[ImageSize | None] = (),
) -> Acceptance:
    """See whether cameras are those of a recording, and what they change.

    Parameters
    ----------
    cameras
        Calibrated ones.
    recording
        Nothing of it is changed yet.
    today
        An older file is named by it.
    sizes
        (width, height) of the images of each camera of the recording, as far as known.
    """
    folder = recording.folder
    troubles = tuple(_troubles(cameras, recording, sizes))
    ours = {camera.name: camera for camera in cameras}
    chosen = tuple(ours[name] for name in recording.names if name in ours)
    if troubles:
        return Acceptance(recording, chosen, troubles)
    goal = folder / FILE
    kept = _free(folder, "calibration", ".toml", today) if goal.exists() else None
    project = read_project(folder) if (folder / PROJECT_FILE).is_file() else None
    names_it = _comes_before(recording, project)
    notes = tuple(_notes(chosen, recording, kept, names_it=names_it))
    return Acceptance(recording, chosen, (), notes, kept, names_it)


def accept_calibration(plan: Acceptance, today: date) -> tuple[Path, ...]:
    """Write the calibration into the folder of the recording.

    Returns
    -------
    What was written, an older file under its new name included.

    Raises
    ------
    ValueError
        When it does not fit the recording.
    OSError, FileFormatError
        When files can not be written; the older calibration is in its place then.
    """
    if plan.troubles:
        raise ValueError(" ".join(plan.troubles))
    folder, written = plan.recording.folder, [plan.path]
    kept = plan.kept
    if kept is not None:
        kept = kept if not kept.exists() else _free(folder, "calibration", ".toml", today)
        plan.path.rename(kept)
        written.append(kept)
    try:
        write_anipose(plan.path, plan.cameras)
        if plan.names_it:
            written += _name_in_project(folder, today)
    except BaseException:
        plan.path.unlink(missing_ok=True)
        if kept is not None:
            kept.replace(plan.path)
        raise
    return tuple(written)


def _troubles(
    cameras: Sequence[Camera], recording: Recording, sizes: Sequence[ImageSize | None]
) -> Iterator[str]:
    names = {camera.name: camera for camera in cameras}
    missing = [name for name in recording.names if name not in names]
    if missing:
        there = ", ".join(names)
        yield (
            f"{recording.name} has the cameras {', '.join(recording.names)}; calibrated are "
            f"{there}. Give them the same names."
        )
        return
    for name, size in zip(recording.names, sizes, strict=False):
        calibrated = names[name].image_size
        if size is not None and calibrated is not None and size != calibrated:
            yield (
                f"Images of {name} are {size[0]} × {size[1]} px in {recording.name}, but "
                f"{calibrated[0]} × {calibrated[1]} px where it was calibrated."
            )


def _comes_before(recording: Recording, project: Project | None) -> bool:
    """Whether another file than ``calibration.toml`` would calibrate the recording."""
    if project is not None and project.calibration is not None:
        return project.calibration != FILE
    present = recording.calibration_file
    return present is not None and present.suffix.lower() == ".mat"


def _notes(
    cameras: Sequence[Camera], recording: Recording, kept: Path | None, *, names_it: bool
) -> Iterator[str]:
    present = [view.camera for view in recording.views if view.camera is not None]
    if not present:
        yield f"{recording.name} has no calibration yet."
    else:
        differs = calibration_difference(cameras, present)
        yield (
            f"It differs from the calibration that {recording.name} has: {differs}."
            if differs
            else f"{recording.name} has this calibration already."
        )
    if kept is not None:
        yield f"The {FILE} that is there is kept as {kept.name}."
    if names_it:
        yield f"{PROJECT_FILE} will say that {FILE} counts: another file would come before it."
    for path in recording.label_files:
        told = _older(path, recording, cameras)
        if told:
            yield told


def _older(path: Path, recording: Recording, cameras: Sequence[Camera]) -> str | None:
    """That a label file holds another calibration, by which its 3D points were computed."""
    try:
        inside = read_label_source(path)
        origin = recording.pixel_origin
        found = inside.cameras() if origin is None else inside.cameras(origin)
    except (FileFormatError, OSError, ValueError):
        return None
    if not calibration_difference(cameras, found):
        return None
    return (
        f"{path.name} holds an older calibration: its 3D points are of that one until they are "
        "triangulated anew."
    )


def _name_in_project(folder: Path, today: date) -> list[Path]:
    """Let the project file say that ``calibration.toml`` counts; the older one is kept."""
    path = folder / PROJECT_FILE
    if not path.is_file():
        return [write_project(folder, Project(calibration=FILE))]
    project = read_project(path).model_copy(update={"calibration": FILE})
    kept = _free(folder, path.stem, path.suffix, today)
    kept.write_bytes(path.read_bytes())  # comments are lost in the new one
    return [write_project(folder, project, overwrite=True), kept]


def _free(folder: Path, stem: str, suffix: str, today: date) -> Path:
    first = folder / f"{stem}-before-{today:%Y-%m-%d}{suffix}"
    candidate, number = first, 2
    while candidate.exists():
        candidate, number = first.with_name(f"{first.stem}-{number}{suffix}"), number + 1
    return candidate
