"""What looks odd: bones of unusual length, left taken for right, a camera that moved."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QLabel

from napari_sdannce.labeling.bones import bone_statistics
from napari_sdannce.labeling.camera_checks import views_off
from napari_sdannce.labeling.mirrored import find_mirrored

if TYPE_CHECKING:
    from qtpy.QtWidgets import QWidget

    from napari_sdannce.widgets.label_3d.desk import Desk

_PAUSE_MS = 400
"""How long nothing must change before it looks: a click must not wait for it."""
_MOST = 4


def doubts_of(desk: Desk) -> list[str]:
    """A sentence for each thing that looks odd, of the frame and of the cameras."""
    return [*_exchanged(desk), *_odd_bones(desk), *_off(desk)]


def _off(desk: Desk) -> list[str]:
    return [
        f"{desk.subject.views[each.view]} is {each.median_px:.0f} px off in most frames (others "
        f"{each.usual_px:.0f}): moved since calibration, or out of step?"
        for each in views_off(desk.session)
    ]


def _odd_bones(desk: Desk) -> list[str]:
    skeleton = desk.subject.skeleton
    if not skeleton.bones:
        return []
    statistics = bone_statistics(desk.session)
    solution = desk.solution
    pose = np.where(solution.complete[..., None], solution.points_3d, np.nan)
    found = statistics.check(pose)
    odd = np.argwhere(found.odd())
    worst = sorted(odd.tolist(), key=lambda each: -abs(float(found.deviations[tuple(each)])))
    names = skeleton.keypoints
    said = []
    for animal, bone in worst:
        first, second = (names[end] for end in skeleton.bones[bone])
        length, usual = found.lengths[animal, bone], statistics.median[animal, bone]
        said.append(f"{first} to {second}: {length:.0f} mm, usually {usual:.0f}")
    return said


def _exchanged(desk: Desk) -> list[str]:
    subject = desk.subject
    names = subject.skeleton.keypoints
    return [
        f"{names[each.pair[0]]} and {names[each.pair[1]]} exchanged in {subject.views[each.view]}?"
        for each in find_mirrored(desk.labels, subject.cameras, subject.skeleton.pairs)
    ]


class Doubts(QLabel):
    """Says what looks odd, a moment after the last change; nothing while all is well."""

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.desk = desk
        self.setWordWrap(True)
        self.setStyleSheet("color: #ffc14d")
        self.hide()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE_MS)
        self._timer.timeout.connect(self.look)

    def look_soon(self) -> None:
        """Look when nothing more changes."""
        self._timer.start()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()

    def look(self) -> None:
        """Look at the frame now."""
        doubts = doubts_of(self.desk)
        more = [f"and {len(doubts) - _MOST} more"] if len(doubts) > _MOST else []
        self.setText("\n".join([*doubts[:_MOST], *more]))
        self.setVisible(bool(doubts))
