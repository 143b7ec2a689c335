"""Poses from elsewhere as proposals: copied, of an earlier frame, or guessed from bones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.depth_guess import NoDepthError, guess_depth

if TYPE_CHECKING:
    from napari_sdannce.widgets.label_3d.desk import Desk

FloatArray = npt.NDArray[np.float64]


class PoseSources:
    """Proposes positions at the moment that is looked at.

    Parameters
    ----------
    desk
        Where labelling happens.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._copied: FloatArray | None = None

    def copy_pose(self) -> None:
        """Keep the positions of this moment, to paste them at another."""
        self._copied = self._desk.solution.points_3d
        n_known = int(np.isfinite(self._copied).all(axis=-1).sum())
        self._say(f"{n_known} positions are copied.")

    def paste_pose(self) -> None:
        """Propose the copied positions, wherever a person has said nothing."""
        if self._copied is None:
            self._say("Copy a pose first.", trouble=True)
            return
        self._propose("paste pose", self._copied)

    def take_from_before(self) -> None:
        """Propose the pose of the last moment before this one that has labels."""
        desk = self._desk
        earlier = [moment for moment in desk.moments_with_labels() if moment < desk.moment]
        if not earlier:
            self._say("No earlier frame has labels.", trouble=True)
            return
        key = int(desk.subject.sync.sample_ids[earlier[-1]])
        self._propose(f"pose of frame {earlier[-1]}", desk.session.solution(key).points_3d)

    def _propose(self, what: str, points_3d: FloatArray) -> None:
        desk = self._desk
        pixels = np.full((*desk.subject.shape, 2), np.nan)
        for view, camera in enumerate(desk.subject.cameras):
            if camera is not None:
                pixels[view] = camera.project(points_3d)
        if desk.change(what, commands.propose(desk.kept, pixels, desk.session.by)):
            self._say(f"Proposed: {what}. Correct what is wrong, then accept with T.")

    def guess_depth(self) -> None:
        """Propose where a single click lies along its line of sight; again: the other place."""
        desk, key = self._desk, self._desk.sample_id
        cell = desk.animal, desk.keypoint
        try:
            guess = guess_depth(desk.session, key, *cell)
        except NoDepthError as error:
            self._say(str(error), trouble=True)
            return
        number = guess.next_to(desk.session.solution(key).points_3d[cell])
        if number is None:
            self._say(f"{guess.name} is where its bones put it: there is no other place.")
            return
        labels = guess.over(desk.kept, desk.subject.cameras, number, desk.session.by)
        if desk.change_moments(f"guess depth of {desk.selected_name}", {key: labels}):
            self._say(guess.words(number))

    def _say(self, text: str, *, trouble: bool = False) -> None:
        self._desk.said.emit(text, trouble)
