"""Whether calibration and sync of a recording are of its videos: checked once these are open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.recording import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_sdannce.recording import Recording

    from .camera_video import CameraVideo


def size_problems(
    recording: Recording, cameras: Sequence[CameraVideo | None]
) -> tuple[Problem, ...]:
    """Cameras that are calibrated for images of another size than their videos have.

    Parameters
    ----------
    recording
        The recording; a calibration that names no image size is not checked.
    cameras
        One a view, None without video.
    """
    found: dict[tuple[tuple[int, int], tuple[int, int]], list[str]] = {}
    for view, camera in zip(recording.views, cameras, strict=True):
        if camera is None or view.camera is None or view.camera.image_size is None:
            continue
        sizes = (view.camera.image_size, (camera.width, camera.height))
        if sizes[0] != sizes[1]:
            found.setdefault(sizes, []).append(view.name)
    place = recording.calibration_file or recording.folder
    return tuple(
        Problem(place, _size_text(names, *sizes)) for sizes, names in sorted(found.items())
    )


def check_sizes(recording: Recording, cameras: Sequence[CameraVideo | None]) -> None:
    """Raise ValueError when a camera is calibrated for images of another size than its videos."""
    for problem in size_problems(recording, cameras):
        raise ValueError(str(problem))


def _size_text(names: Sequence[str], ours: tuple[int, int], theirs: tuple[int, int]) -> str:
    text = (
        f"the calibration of {', '.join(names)} is for images of {ours[0]} x {ours[1]} px, the "
        f"videos have {theirs[0]} x {theirs[1]} px: positions would be wrong"
    )
    if ours[0] * theirs[1] == ours[1] * theirs[0]:
        text += "; the shape is the same, but nothing is rescaled"
    return text


def sync_problems(
    recording: Recording, cameras: Sequence[CameraVideo | None]
) -> tuple[Problem, ...]:
    """Cameras of which the sync names frames past the end of their videos.

    Parameters
    ----------
    recording
        The recording.
    cameras
        One a view, None without video; those whose length is not yet known are left out.
    """
    sync = recording.sync
    if sync is None or not len(sync):
        return ()
    found: dict[tuple[int, int], list[str]] = {}
    for view, (name, camera) in enumerate(zip(recording.names, cameras, strict=True)):
        held = camera.n_frames_known if camera is not None else None
        last = int(sync.frames[:, view].max())
        if held is not None and last >= held:
            found.setdefault((last, held), []).append(name)
    place = recording.sync_file or recording.folder
    return tuple(Problem(place, _sync_text(names, *key)) for key, names in sorted(found.items()))


def _sync_text(names: Iterable[str], last: int, held: int) -> str:
    return (
        f"its sync table names frames up to {last} of {', '.join(names)}, whose videos hold {held}"
    )
