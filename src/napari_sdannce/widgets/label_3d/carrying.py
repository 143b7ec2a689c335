"""Carrying labels to other frames while the window stays awake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.qt.threading import create_worker
from qtpy.QtCore import QObject, Signal

from napari_sdannce.labeling.propagating import Propagation
from napari_sdannce.widgets.opening import FILE_ERRORS, Failed, in_plain_words

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from napari_sdannce.labeling.propagation import Tracked
    from napari_sdannce.widgets.label_3d.desk import Desk

REACH = 20
"""Frames that labels are carried to where no labelled frame ends the gap."""
_WIDEST = 60
"""Gap to the next labelled frame up to which labels are carried from both ends."""


class Carrying(QObject):
    """Follows keypoints through the video, and proposes them at the frames passed.

    All frames become one step when it ends, or is stopped: one undo takes it back.
    """

    message = Signal(str, bool)
    ended = Signal()

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self._worker: Any = None
        self._found: dict[int, Tracked] = {}
        self._is_dropped = False
        self._has_failed = False

    @property
    def is_running(self) -> bool:
        """Whether keypoints are being followed."""
        return self._worker is not None

    def start(self, way: int) -> None:
        """Carry the labels of this frame on (`way` 1) or back (-1); stop, when it is running."""
        if self.is_running:
            self.stop()
            return
        desk = self.desk
        if desk.sample_id not in desk.session.frames:
            self.message.emit("Label this frame first: its points are what is carried.", True)
            return
        self._found, self._is_dropped, self._has_failed = {}, False, False
        try:
            tracked = self._tracked(way)
        except FILE_ERRORS as error:
            self.message.emit(in_plain_words(error), True)
            return
        self._worker = create_worker(_each, tracked)
        self._worker.yielded.connect(self._on_moment)
        self._worker.returned.connect(self._on_returned)
        self._worker.finished.connect(self._on_finished)
        self._worker.errored.connect(self._on_error)
        self._worker.start()

    def stop(self) -> None:
        """Go no further; what was found so far is proposed."""
        if self._worker is not None:
            self._worker.quit()

    def drop(self) -> None:
        """Go no further, and propose nothing: the session is put away."""
        self._is_dropped = True
        self.stop()

    def _tracked(self, way: int) -> Iterator[Tracked]:
        """What is carried where; the labels are read now, not in the thread that goes through."""
        desk = self.desk
        here = desk.moment
        carried = Propagation(desk.session, desk.video)
        labelled = [m for m in desk.moments_with_labels() if (m - here) * way > 0]
        near = min(labelled, key=lambda m: abs(m - here), default=None)
        if near is not None and 1 < abs(near - here) <= _WIDEST:
            return carried.between(min(here, near), max(here, near))
        end = here + way * REACH
        if near is not None:
            end = min(end, near - 1) if way > 0 else max(end, near + 1)
        end = min(max(end, 0), desk.n_moments - 1)
        return carried.from_moment(here, list(range(here + way, end + way, way)))

    def _on_moment(self, tracked: Tracked) -> None:
        self._found[tracked.moment] = tracked
        self.message.emit(
            f"Following the keypoints: frame {tracked.moment}. The same key stops it.", False
        )

    def _on_finished(self) -> None:
        self._worker = None
        if not self._is_dropped:
            self._propose()
        self.ended.emit()

    def _on_returned(self, failed: Failed | None) -> None:
        if failed is not None:
            self._tell_failure(f"The keypoints are followed no further: {failed.message}")

    def _on_error(self, error: BaseException) -> None:
        self._tell_failure(f"This should not have happened: {error}")

    def _tell_failure(self, text: str) -> None:
        self._has_failed = True
        if not self._is_dropped:  # else the videos were closed under it
            self.message.emit(text, True)

    def _propose(self) -> None:
        desk = self.desk
        session = desk.session
        after = {}
        for moment, tracked in self._found.items():
            key = int(desk.subject.sync.sample_ids[moment])
            after[key] = tracked.over(session.at(key), session.by)
        changed = desk.change_moments("carry labels", after)
        if self._has_failed:
            return  # why was said
        if changed:
            self.message.emit(
                f"Proposed at {len(after)} frames: look at them, then accept with T.", False
            )
        else:
            self.message.emit("Nothing could be followed from this frame.", False)


def _each(tracked: Iterator[Tracked]) -> Generator[Tracked, None, Failed | None]:
    """Go through what is carried; in a thread."""
    try:
        yield from tracked
    except FILE_ERRORS as error:
        return Failed(in_plain_words(error))
    return None
