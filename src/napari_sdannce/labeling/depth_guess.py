"""Depth of a keypoint that is clicked in a single view, guessed from bone lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.bones import ENOUGH_FRAMES, ODD, bone_statistics
from napari_sdannce.labeling.frame_labels import PROPOSED
from napari_sdannce.labeling.line_of_sight import (
    SAME_MM,
    KnownBones,
    passes_at,
    places_on_line,
    within_reach,
)
from napari_sdannce.labeling.similar_pose import from_similar_pose
from napari_sdannce.labels import LabelState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.labeling.commands import By
    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.line_of_sight import Place
    from napari_sdannce.labeling.session import LabelingSession

FloatArray = npt.NDArray[np.floating]


class NoDepthError(ValueError):
    """Says why the depth of a keypoint can not be guessed, in words for a person."""


@dataclass(frozen=True, eq=False, slots=True)
class DepthGuess:
    """Where on the line of sight of its only click a keypoint may lie.

    Parameters
    ----------
    animal, keypoint
        Which.
    name
        Of the keypoint.
    bones
        Those that tell the depth.
    places
        One or more, the likeliest first.
    """

    animal: int
    keypoint: int
    name: str
    bones: KnownBones
    places: tuple[Place, ...]

    def next_to(self, now: FloatArray) -> int | None:
        """Which place to propose: the likeliest, or the one after that where it is now (3,) mm.

        None when it is at the only one.
        """
        points = np.stack([place.point for place in self.places])
        same = np.linalg.norm(points - now, axis=-1) < SAME_MM
        if not same.any():
            return 0
        return (int(same.argmax()) + 1) % len(self.places) if len(self.places) > 1 else None

    def over(
        self, labels: FrameLabels, cameras: Sequence[Camera | None], number: int, by: By
    ) -> FrameLabels:
        """Propose a place in all other views, instead of what was proposed or accepted there.

        With the click they agree on the place exactly, so that the position is on the line of sight
        however little proposals weigh. What a person said of a view stays.
        """
        cell = self.animal, self.keypoint
        points = np.full((*labels.shape, 2), np.nan)
        for view, camera in enumerate(cameras):
            if camera is not None:
                points[(view, *cell)] = camera.project(self.places[number].point)
        labels = commands.withdraw(labels, *cell)
        return commands.propose(labels, points, by)

    def words(self, number: int) -> str:
        """What is proposed, what speaks against it, and that there is another place."""
        place = self.places[number]
        said = [
            f"Proposed: {self.name} at the usual distance from {_listed(self.bones.neighbours)}, "
            f"to about {place.uncertainty:.1f} mm along the line of sight."
        ]
        worst = int(np.abs(place.deviations).argmax())
        if abs(place.deviations[worst]) > ODD:
            away = self.bones.reached(place.point)[worst]
            said.append(
                f"But {self.bones.neighbours[worst]} would be {away:.0f} mm away, usually "
                f"{self.bones.lengths[worst]:.0f}."
            )
        if len(self.places) > 1:
            other = self.places[(number + 1) % len(self.places)]
            way = "farther from" if other.depth > place.depth else "nearer to"
            said.append(f"The same key: {abs(other.depth - place.depth):.0f} mm {way} the camera.")
        return " ".join([*said, "Accept it with K."])


def guess_depth(session: LabelingSession, sample_id: int, animal: int, keypoint: int) -> DepthGuess:
    """Find where a keypoint lies that is clicked in one view, from its bones.

    Parameters
    ----------
    session
        The labels so far; nothing is changed.
    sample_id
        The moment.
    animal, keypoint
        Which.

    Raises
    ------
    NoDepthError
        When there is not a single click, or the bones tell nothing: the neighbours have no
        position, their distance is not known from five labelled frames, or the line passes too far
        from them; or when no other view has room for a proposal.

    Examples
    --------
    >>> guess = guess_depth(session, 100, 0, 4)  # doctest: +SKIP
    >>> cameras, labels = session.subject.cameras, session.at(100)  # doctest: +SKIP
    >>> after = {100: guess.over(labels, cameras, 0, session.by)}  # doctest: +SKIP
    >>> session.change("guess the depth", after)  # doctest: +SKIP
    """
    name = session.subject.skeleton.keypoints[keypoint]
    labels = session.at(sample_id)
    view = _clicked_view(session, labels, animal, keypoint)
    others = _free_views(session, labels, animal, keypoint)
    camera, pixel = session.subject.cameras[view], labels.points[view, animal, keypoint]
    assert camera is not None
    bones = _known_bones(session, sample_id, animal, keypoint).clicked_in(camera)
    near = within_reach(camera, pixel, bones)
    if not near.neighbours:
        raise NoDepthError(_too_far(name, bones, passes_at(camera, pixel, bones.ends)))
    hint = from_similar_pose(session, sample_id, animal, keypoint)
    found = places_on_line(camera, pixel, near, hint)
    places = tuple(place for place in found if _is_shown(place, others))
    if not places:
        raise NoDepthError(f"No other camera could have {name} in front of it.")
    return DepthGuess(animal, keypoint, name, near, places)


def _clicked_view(session: LabelingSession, labels: FrameLabels, animal: int, keypoint: int) -> int:
    """The only calibrated view with a click."""
    subject = session.subject
    name = subject.skeleton.keypoints[keypoint]
    clicked = np.flatnonzero(labels.clicked[:, animal, keypoint]).tolist()
    views = [view for view in clicked if subject.cameras[view] is not None]
    if len(views) > 1:
        raise NoDepthError(
            f"{name} is clicked in {len(views)} views: its position follows from these, nothing is "
            "left to guess."
        )
    if not views and clicked:
        raise NoDepthError(f"{subject.views[clicked[0]]} is not calibrated: no line of sight.")
    if not views:
        raise NoDepthError(f"Click {name} in one view first: its depth there is what is guessed.")
    return int(views[0])


def _free_views(
    session: LabelingSession, labels: FrameLabels, animal: int, keypoint: int
) -> list[Camera]:
    """Cameras in whose views something can be proposed."""
    open_states = (LabelState.NONE, *PROPOSED)
    free = np.isin(labels.states[:, animal, keypoint], open_states)
    cameras = [
        camera
        for camera, is_free in zip(session.subject.cameras, free.tolist(), strict=True)
        if is_free and camera is not None
    ]
    if cameras:
        return cameras
    name = session.subject.skeleton.keypoints[keypoint]
    if sum(camera is not None for camera in session.subject.cameras) < 2:
        raise NoDepthError("There is no other calibrated camera to show a proposal in.")
    raise NoDepthError(
        f"{name} is said to be hidden or outside in every other view: take that back in one of "
        "them, or the guess has no place."
    )


def _known_bones(
    session: LabelingSession, sample_id: int, animal: int, keypoint: int
) -> KnownBones:
    """Bones to neighbours with a position, whose usual lengths are known."""
    names = session.subject.skeleton.keypoints
    bones = _bones_to_placed(session, sample_id, animal, keypoint)
    statistics = bone_statistics(session)
    median = statistics.median[animal]
    usual = {each: bone for each, bone in bones.items() if np.isfinite(median[bone])}
    if not usual:
        n_frames = int(statistics.n_frames[animal, list(bones.values())].max())
        raise NoDepthError(
            f"It is not known yet how far {names[keypoint]} is from "
            f"{_listed([names[each] for each in bones])}: that needs {ENOUGH_FRAMES} labelled "
            f"frames with both, there are {n_frames}."
        )
    columns = list(usual.values())
    return KnownBones(
        tuple(names[each] for each in usual),
        session.solution(sample_id).points_3d[animal, list(usual)],
        median[columns],
        statistics.spread[animal, columns],
    )


def _bones_to_placed(
    session: LabelingSession, sample_id: int, animal: int, keypoint: int
) -> dict[int, int]:
    """Bone by neighbour, of the neighbours that have a position."""
    skeleton = session.subject.skeleton
    names = skeleton.keypoints
    bones = {
        ends[0] if ends[1] == keypoint else ends[1]: bone
        for bone, ends in enumerate(skeleton.bones)
        if keypoint in ends
    }
    if not bones:
        raise NoDepthError(
            f"No bone of {skeleton.name} ends at {names[keypoint]}: nothing tells its depth."
        )
    complete = session.solution(sample_id).complete[animal]
    placed = {each: bone for each, bone in bones.items() if complete[each]}
    if not placed:
        raise NoDepthError(
            f"No neighbour of {names[keypoint]} has a position in this frame: place or accept "
            f"{_listed([names[each] for each in bones], 'or')} first."
        )
    return placed


def _too_far(name: str, bones: KnownBones, passes: FloatArray) -> str:
    nearest = int((passes - bones.lengths).argmin())
    return (
        f"The line of sight of {name} passes {bones.neighbours[nearest]} at "
        f"{passes[nearest]:.0f} mm, farther than usual ({bones.lengths[nearest]:.0f} mm): is "
        "either clicked wrong?"
    )


def _is_shown(place: Place, cameras: Iterable[Camera]) -> bool:
    return any(bool(np.isfinite(camera.project(place.point)).all()) for camera in cameras)


def _listed(names: Sequence[str], last: str = "and") -> str:
    return f" {last} ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
