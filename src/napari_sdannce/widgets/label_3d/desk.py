"""Where labelling happens: the session, the moment that is looked at, and what is selected."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.scrub_copy import FOLDER as FRAMES
from napari_sdannce.labeling.scrub_copy import ScrubCopy
from napari_sdannce.labeling.solving import Solution, solve
from napari_sdannce.labeling.where_it_lies import view_to_click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from napari_sdannce.labeling.frame_labels import FrameLabels
    from napari_sdannce.labeling.journal import Author
    from napari_sdannce.labeling.session import LabelingSession, Step, Subject
    from napari_sdannce.labeling.session_folder import SessionFolder
    from napari_sdannce.recording import Recording
    from napari_sdannce.video import RecordingVideo

FloatArray = npt.NDArray[np.float64]

AHEAD = 3
"""Moments decoded ahead in the direction of the last step, and as many that may be jumped to."""


@dataclass(frozen=True, eq=False, slots=True)
class OtherClick:
    """Where somebody else put a point.

    Parameters
    ----------
    sample_id, view
        Moment and camera.
    place
        (2,) px; NaN where they say that nothing is seen.
    """

    sample_id: int
    view: int
    place: FloatArray


class Desk:
    """A session on the desk of one person; views listen to it, and everything goes through it.

    Parameters
    ----------
    recording
        What is labelled.
    video
        Its frames.
    folder
        The open session.
    """

    moment_changed = Signal()
    labels_changed = Signal()
    """Labels of the moment that is looked at are different, or are shown differently."""
    selection_changed = Signal()
    focus_changed = Signal()
    frames_changed = Signal()
    """Other moments have labels than before."""
    said = Signal(str, bool)
    """A sentence for the person, and whether it is about trouble."""

    def __init__(self, recording: Recording, video: RecordingVideo, folder: SessionFolder) -> None:
        self.recording = recording
        self.video = video
        self.folder = folder
        self.copy = ScrubCopy(folder.path / FRAMES, video)
        """Frames to label that are there at once."""
        self.moment = 0
        self.animal = 0
        self.keypoint = 0
        self.focus = 0
        self.cursor: FloatArray | None = None
        """(2,) px under the mouse in the view that has the focus; None outside of all."""
        self.without_image: set[int] = set()
        """Views that have nothing to show at this moment."""
        self.stride = 10
        self.awaited: frozenset[int] = frozenset()
        """Moments that a person will likely jump to."""
        self.other_click: OtherClick | None = None
        """Drawn beside our own."""
        self._dragged: tuple[FrameLabels, Solution] | None = None
        self._view_to_click: tuple[Solution | None, tuple[int, int], int | None] = (
            None, (0, 0), None,
        )  # fmt: skip

    @property
    def session(self) -> LabelingSession:
        """The labels."""
        return self.folder.session

    @property
    def subject(self) -> Subject:
        """What is labelled."""
        return self.session.subject

    @property
    def n_moments(self) -> int:
        """Moments of the recording."""
        return len(self.subject.sync)

    @property
    def sample_id(self) -> int:
        """Key of the moment that is looked at."""
        return int(self.subject.sync.sample_ids[self.moment])

    @property
    def labels(self) -> FrameLabels:
        """Labels of the moment that is looked at, a drag under way included."""
        return self.session.at(self.sample_id) if self._dragged is None else self._dragged[0]

    @property
    def solution(self) -> Solution:
        """What follows from them."""
        if self._dragged is None:
            return self.session.solution(self.sample_id)
        return self._dragged[1]

    def close(self) -> None:
        """Put the session and the videos away.

        Raises
        ------
        OSError
            When no snapshot of the session can be written; all is put away nevertheless.
        """
        try:
            self.folder.close()
        finally:
            self.copy.close()
            self.video.close()

    @property
    def view_to_click(self) -> int | None:
        """View in which a click would tell most about where the selected keypoint is."""
        cell = self.animal, self.keypoint
        asked = self.solution, cell
        if self._view_to_click[:2] != asked:
            view = view_to_click(self.subject, self.labels, self.solution, cell)
            self._view_to_click = (*asked, view)
        return self._view_to_click[2]

    # moments

    def go_to(self, moment: int) -> None:
        """Look at a moment; the first or the last one, when it lies outside of the recording."""
        wanted = min(max(moment, 0), self.n_moments - 1)
        if wanted == self.moment:
            return
        step, self.moment, self._dragged = wanted - self.moment, wanted, None
        self.moment_changed.emit()
        self.video.prefetch(self._likely(step))

    def await_moments(self, moments: Iterable[int]) -> None:
        """Expect jumps to these moments, and decode the first of them ahead."""
        self.awaited = frozenset(moments)
        self.video.prefetch(self._likely(1))

    def _likely(self, step: int) -> list[int]:
        """Moments that are asked for next after a step of so many, the likeliest first."""
        here, way = self.moment, 1 if step > 0 else -1
        stride = step if abs(step) <= self.stride else way
        near = [here + k * stride for k in range(1, AHEAD + 1)]
        further = [each for each in self.awaited if (each - here) * way > 0]
        jumps = sorted(further, key=lambda each: abs(each - here))[:AHEAD]
        likely = [*jumps, *near] if here in self.awaited else [*near, *jumps]
        return [m for m in likely if 0 <= m < self.n_moments and not self.copy.has(m)]

    def step(self, count: int) -> None:
        """Go so many moments on."""
        self.go_to(self.moment + count)

    def moments_with_labels(self) -> list[int]:
        """Moments of which something is said, in order."""
        return sorted(self.row_of(key) for key in self.session.frames)

    @property
    def last_worked_on(self) -> int:
        """Moment at which a person did something last; else the first with labels."""
        when = {key: labels.last_time for key, labels in self.session.frames.items()}
        latest = max(when.values(), default=-np.inf)
        moments = [self.row_of(key) for key, time in when.items() if time == latest]
        return min(moments, default=0)

    def moments_to_label(self) -> list[int]:
        """Suggested moments without labels, and those that are labelled in part, in order."""
        session = self.session
        labelled = {self.row_of(key): session.solution(key).complete for key in session.frames}
        begun = [moment for moment, complete in labelled.items() if not complete.all()]
        return sorted({*begun, *(self.awaited - labelled.keys())})

    def row_of(self, sample_id: int) -> int:
        """Moment of a key."""
        return self.session.row_of(sample_id)

    # selection

    def select(self, animal: int, keypoint: int) -> None:
        """Make a keypoint the one that clicks place."""
        if (animal, keypoint) != (self.animal, self.keypoint):
            self.animal, self.keypoint = animal, keypoint
            self.selection_changed.emit()

    def select_next(self, count: int = 1) -> None:
        """Select the keypoint after the selected one, or `count` further; round the end."""
        _, n_animals, n_keypoints = self.subject.shape
        if n_keypoints == 1:  # of centres of mass, the next is the next animal's
            self.select((self.animal + count) % n_animals, 0)
        else:
            self.select(self.animal, (self.keypoint + count) % n_keypoints)

    def select_missing(self) -> None:
        """Select the first keypoint that has no position in space, of the animal or the next."""
        n_animals = len(self.subject.animals)
        missing = ~self.solution.complete
        order = np.roll(np.arange(n_animals), -self.animal)
        for animal in order.tolist():
            if missing[animal].any():
                self.select(animal, int(missing[animal].argmax()))
                return
        self.said.emit("Every keypoint of this frame has a position in space.", False)

    def select_animal(self, animal: int) -> None:
        """Select the same keypoint of another animal."""
        n_animals = len(self.subject.animals)
        if animal < n_animals:
            self.select(animal, self.keypoint)
        else:
            there = "is a single animal" if n_animals == 1 else f"are {n_animals} animals"
            self.said.emit(f"There {there}.", False)

    def show_other_click(self, other: OtherClick | None) -> None:
        """Draw where somebody else put a point; None: draw none any more."""
        if other is not self.other_click:
            self.other_click = other
            self.selection_changed.emit()

    def look_at_view(self, view: int, cursor: FloatArray | None) -> None:
        """Note which view the mouse is in, and where."""
        self.cursor = cursor
        if view != self.focus:
            self.focus = view
            self.focus_changed.emit()

    # what a person does

    def place(self, view: int, animal: int, keypoint: int, pixel: FloatArray) -> None:
        """Put a keypoint where it is seen; not where the camera has no image."""
        trouble = self._not_seen(view, pixel)
        if trouble:
            self.drop()
            self.said.emit(trouble, True)
            return
        labels = self.session.at(self.sample_id)
        placed = commands.place(labels, view, animal, keypoint, pixel, self.session.by)
        self.change(f"place {self.named(animal, keypoint)} in {self.subject.views[view]}", placed)

    def place_and_next(self, view: int, pixel: FloatArray) -> None:
        """Put the selected keypoint where it is seen, and select the next."""
        trouble = self._not_seen(view, pixel)
        self.place(view, self.animal, self.keypoint, pixel)
        if not trouble:
            self.select_next()

    def place_here(self) -> None:
        """Put the selected keypoint under the mouse, and select the next."""
        if self.cursor is None:
            self.said.emit("Hold the mouse over a camera first.", True)
            return
        self.place_and_next(self.focus, self.cursor)

    def _not_seen(self, view: int, pixel: FloatArray) -> str:
        """Why nothing can be placed at a pixel; empty when it can."""
        name = self.subject.views[view]
        if view in self.without_image:
            return f"{name} has no image at this moment: nothing is seen there."
        size = self.video.sizes[view]
        if size is not None and not ((pixel >= -0.5) & (pixel < np.array(size) - 0.5)).all():
            return f"This is outside of the image of {name}: Shift+I says that a keypoint is."
        return ""

    def drag(self, view: int, animal: int, keypoint: int, pixel: FloatArray) -> None:
        """Show what placing a keypoint here would do, while it is dragged; nothing is kept."""
        labels = self.session.at(self.sample_id)
        moved = commands.place(labels, view, animal, keypoint, pixel, self.session.by)
        self._dragged = moved, solve(moved, self.subject.cameras)
        self.labels_changed.emit()

    def drop(self) -> None:
        """End a drag without placing anything."""
        if self._dragged is not None:
            self._dragged = None
            self.labels_changed.emit()

    def clear_here(self) -> None:
        """Take the selected keypoint away from the view in focus."""
        labels = commands.clear(self.kept, self.focus, self.animal, self.keypoint)
        self.change(f"clear {self.selected_name} in {self._focused}", labels)

    def clear_everywhere(self) -> None:
        """Take the selected keypoint away from all views."""
        labels = commands.clear(self.kept, commands.ALL, self.animal, self.keypoint)
        self.change(f"clear {self.selected_name}", labels)

    def clear_frame(self) -> None:
        """Take everything away that is said of this moment."""
        labels = commands.clear(self.kept, commands.ALL, commands.ALL, commands.ALL)
        self.change(f"clear frame {self.moment}", labels)

    def toggle_occluded(self) -> None:
        """Say that the selected keypoint is hidden in the view in focus, or is not."""
        labels = commands.toggle_occluded(self.kept, *self._cell, self.session.by)
        self.change(f"{self.selected_name} hidden in {self._focused}", labels)

    def toggle_uncertain(self) -> None:
        """Say that the selected keypoint's place in the view in focus is a guess, or is not."""
        labels = commands.toggle_uncertain(self.kept, *self._cell, self.session.by)
        self._change_click(f"{self.selected_name} uncertain in {self._focused}", labels)

    def toggle_not_in_view(self) -> None:
        """Say that the selected keypoint lies outside of the view in focus, or does not."""
        labels = commands.toggle_not_in_view(self.kept, *self._cell, self.session.by)
        self.change(f"{self.selected_name} outside of {self._focused}", labels)

    def toggle_locked(self) -> None:
        """Let the selected keypoint's click in the view in focus count whatever others say."""
        labels = commands.toggle_locked(self.kept, *self._cell)
        self._change_click(f"lock {self.selected_name} in {self._focused}", labels)

    def accept_keypoint(self) -> None:
        """Say that the selected keypoint's position in space is right."""
        labels = commands.accept(self.kept, self.solution, self.animal, self.keypoint)
        self.change(f"accept {self.selected_name}", labels)

    def accept_animal(self) -> None:
        """Say that all positions of the selected animal are right."""
        labels = commands.accept(self.kept, self.solution, self.animal)
        self.change(f"accept {self.subject.animals[self.animal]}", labels)

    def accept_frame(self) -> None:
        """Say that all positions of this moment are right."""
        labels = commands.accept(self.kept, self.solution)
        self.change(f"accept frame {self.moment}", labels)

    def swap_left_right(self) -> None:
        """Exchange left and right of the selected animal in the view in focus."""
        skeleton = self.subject.skeleton
        if not skeleton.pairs:
            self.said.emit(f"Skeleton {skeleton.name} does not say what is left and right.", True)
            return
        labels = commands.swap_left_right(self.kept, skeleton.swapped(), self.focus, self.animal)
        self.change(f"swap left and right in {self._focused}", labels)

    def swap_animals(self) -> None:
        """Exchange the selected animal and the next one in the view in focus."""
        n_animals = len(self.subject.animals)
        if n_animals < 2:
            self.said.emit("There is a single animal.", True)
            return
        other = (self.animal + 1) % n_animals
        labels = commands.swap_animals(self.kept, self.animal, other, self.focus)
        self.change(f"swap animals in {self._focused}", labels)

    # steps

    def change(self, what: str, labels: FrameLabels) -> bool:
        """Change the labels of this moment as one step, and say so; whether anything changed."""
        changed = self.change_moments(what, {self.sample_id: labels})
        if changed:
            self.said.emit(f"Done: {what}.", False)
        elif labels.equals(self.kept):
            self.said.emit(f"Nothing to do: {what}.", False)
        return changed

    def change_moments(
        self, what: str, after: Mapping[int, FrameLabels], joined: Sequence[Author] = ()
    ) -> bool:
        """Change the labels of moments, by sample id, as one step; whether anything changed.

        `joined`: others who put points of it, and are no authors of the session yet.
        """
        self._dragged = None
        before, changed = set(self.session.frames), False
        try:
            changed = self.session.change(what, after, joined)
        except OSError as error:
            self.said.emit(_not_written(error), True)
        if set(self.session.frames) != before:
            self.frames_changed.emit()
        self.labels_changed.emit()
        return changed

    def _change_click(self, what: str, labels: FrameLabels) -> None:
        if labels is self.kept:
            self.said.emit(f"{self.selected_name} was not placed in {self._focused}.", True)
            return
        self.change(what, labels)

    def undo(self) -> None:
        """Take the last step back, and show where."""
        self._show_step("Undone", self.session.undo)

    def redo(self) -> None:
        """Do again what was taken back, and show where."""
        self._show_step("Done again", self.session.redo)

    def _show_step(self, how: str, make: Callable[[], Step | None]) -> None:
        self._dragged = None
        try:
            step = make()
        except OSError as error:
            self.said.emit(_not_written(error), True)
            return
        if step is None:
            self.said.emit("There is nothing more.", False)
            return
        moments = [self.row_of(key) for key in step.after]
        if self.moment not in moments:
            self.go_to(moments[0])
        self.said.emit(f"{how}: {step.what}.", False)
        self.frames_changed.emit()
        self.labels_changed.emit()

    # names

    @property
    def kept(self) -> FrameLabels:
        """Labels of the moment that is looked at, without a drag under way."""
        return self.session.at(self.sample_id)

    @property
    def _cell(self) -> tuple[int, int, int]:
        return self.focus, self.animal, self.keypoint

    @property
    def _focused(self) -> str:
        return self.subject.views[self.focus]

    @property
    def selected_name(self) -> str:
        """What a click places, the animal's name first where there are several."""
        return self.named(self.animal, self.keypoint)

    def named(self, animal: int, keypoint: int) -> str:
        """A keypoint, and whose it is where there are several animals."""
        name = self.subject.skeleton.keypoints[keypoint]
        animals = self.subject.animals
        return name if len(animals) == 1 else f"{animals[animal]} {name}"


def _not_written(error: OSError) -> str:
    return f"It could not be written down, and so not done: {error}"
