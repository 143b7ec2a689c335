"""The newest frame of each camera, for whoever looks on; nothing waits for them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_sdannce.capture.cameras import Frame

_KEPT = 8
"""Frames of each camera among which those of one moment are looked for."""


@dataclass(frozen=True, eq=False, slots=True)
class FrameSet:
    """Frames of one moment.

    Parameters
    ----------
    moment
        Its number.
    frames
        One a camera.
    """

    moment: int
    frames: tuple[Frame, ...]


class NewestFrames:
    """Keeps the last frames of every camera.

    Those who look take what is there now; what came between two looks is gone. So however slow they
    are, nothing piles up, and the recording does not notice.

    Parameters
    ----------
    names
        Of the cameras.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._frames: dict[str, OrderedDict[int, Frame]] = {name: OrderedDict() for name in names}
        self._newest_set = -1
        self._changed = threading.Condition()

    def put(self, name: str, frame: Frame, moment: int) -> None:
        """Note the newest frame of a camera; one without an image is none to look at."""
        if frame.image is None:
            return
        with self._changed:
            mine = self._frames[name]
            mine[moment] = frame
            while len(mine) > _KEPT:
                mine.popitem(last=False)
            if all(moment in others for others in self._frames.values()):
                self._newest_set = max(self._newest_set, moment)
                self._changed.notify_all()

    def begin_anew(self) -> None:
        """Forget all: moments will be counted from 0 again."""
        with self._changed:
            for mine in self._frames.values():
                mine.clear()
            self._newest_set = -1

    def of(self, name: str) -> Frame | None:
        """Newest frame of a camera; None before the first."""
        with self._changed:
            mine = self._frames[name]
            return mine[next(reversed(mine))] if mine else None

    def wait_for_set(self, after: int, timeout_s: float) -> FrameSet | None:
        """Newest frames of one moment of all cameras.

        Parameters
        ----------
        after
            Moment of the set that was seen last; -1 at the beginning.
        timeout_s
            How long to wait for a newer one.

        Returns
        -------
        None when there is no newer one in time.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._newest_set > after, timeout_s):
                return None
            moment = self._newest_set
            found = [mine.get(moment) for mine in self._frames.values()]
        # a camera far ahead of the others may have dropped it again
        frames = tuple(each for each in found if each is not None)
        return FrameSet(moment, frames) if len(frames) == len(found) else None
