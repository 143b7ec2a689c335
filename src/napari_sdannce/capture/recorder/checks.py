"""What is looked at when a recording has ended: whether all of it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import Frame
from napari_sdannce.capture.frame_records import NONE, FrameStatus
from napari_sdannce.capture.numbering import Numbering
from napari_sdannce.capture.recorder.counts import CameraState
from napari_sdannce.capture.recording_file import CheckEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.capture.frame_records import FrameRecords
    from napari_sdannce.capture.recorder.counts import CameraCounts

_LEFT_OUT = (FrameStatus.FAILED, FrameStatus.DROPPED, FrameStatus.UNWRITTEN)


def check(name: str, passed: bool, message: str) -> CheckEntry:
    """A check, with what is wrong."""
    return CheckEntry(name=name, passed=passed, message="" if passed else message)


def checks_of(
    camera: str,
    records: FrameRecords,
    in_video: FrameRecords,
    fps: float,
    counts: CameraCounts | None,
) -> tuple[CheckEntry, ...]:
    """What is checked of a camera.

    Parameters
    ----------
    camera
        Its name.
    records, in_video
        Its frames as they were noted, and as the video has them.
    fps
        Frames a second.
    counts
        Its frames as they were counted; None: the program was killed.
    """
    written, readable = int(records.in_file.sum()), int(in_video.in_file.sum())
    lost = lost_by_count(records, fps) if counts is None else counts.lost
    missing = list(_missing(records, lost, counts))
    return (
        _accounting(camera, len(records), counts),
        check(
            f"{camera}: the video holds every frame that was written",
            written == readable,
            f"{written} written, {readable} can be read",
        ),
        check(f"{camera}: nothing is missing", not missing, ", ".join(missing)),
    )


def lost_by_count(records: FrameRecords, fps: float) -> int:
    """Exposures that never arrived, by the camera's own count, as `Numbering` sees them."""
    numbering = Numbering(fps)
    columns = (records.block_id, records.camera_ns, records.host_ns, records.utc_ns)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return sum(
        numbering.number(Frame(None, _or_none(block), _or_none(at), host, utc)).lost_before
        for block, at, host, utc in rows
    )


def _or_none(value: int) -> int | None:
    return None if value == NONE else value


def _accounting(camera: str, noted: int, counts: CameraCounts | None) -> CheckEntry:
    name = f"{camera}: every frame is accounted for"
    if counts is None:
        told = f"{noted} noted; those that waited when the program was killed are gone"
        return check(name, False, told)
    whole = noted == counts.grabbed and not counts.unaccounted and not counts.waiting
    return check(name, whole, f"{counts.grabbed} grabbed, {noted} noted")


def _missing(records: FrameRecords, lost: int, counts: CameraCounts | None) -> Iterator[str]:
    """What is not in the video, in words."""
    for status in _LEFT_OUT:
        if records.count(status):
            yield f"{records.count(status)} {status}"
    if lost:
        yield f"{lost} never arrived"
    if counts is not None and counts.state is CameraState.LOST:
        yield "the camera was lost"
