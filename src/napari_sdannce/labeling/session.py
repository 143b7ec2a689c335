"""A labeling session: labels of moments, what follows from them, and every step back and forth."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.labeling.cell_changes import CellChanges
from napari_sdannce.labeling.commands import By
from napari_sdannce.labeling.frame_labels import FrameLabels
from napari_sdannce.labeling.journal import Author, Entry
from napari_sdannce.labeling.solving import Solution, solve
from napari_sdannce.labels import NOBODY, Labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from napari_sdannce.geometry import Camera
    from napari_sdannce.recording import Sync
    from napari_sdannce.skeletons import Skeleton


@dataclass(frozen=True, eq=False)
class Subject:
    """What is labelled: the animals of a recording.

    Parameters
    ----------
    views
        Camera names.
    cameras
        One a view, None where it is not calibrated.
    skeleton
        Keypoints.
    animals
        Names.
    sync
        Moments of the recording: key, and frame of each camera.
    """

    views: tuple[str, ...]
    cameras: tuple[Camera | None, ...]
    skeleton: Skeleton
    animals: tuple[str, ...]
    sync: Sync

    def __post_init__(self) -> None:
        counts = {"cameras": len(self.cameras), "columns of the sync": self.sync.frames.shape[1]}
        for what, count in counts.items():
            if count != len(self.views):
                raise ValueError(f"{count} {what} for {len(self.views)} views")
        if not self.animals or len(set(self.animals)) < len(self.animals):
            raise ValueError(f"animals need different names, got {', '.join(self.animals)}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Views, animals, keypoints."""
        return len(self.views), len(self.animals), len(self.skeleton.keypoints)


@dataclass(frozen=True, eq=False)
class Step:
    """What one action changed: labels before and after, by sample id."""

    what: str
    before: Mapping[int, FrameLabels]
    after: Mapping[int, FrameLabels]

    def back(self) -> Step:
        """The same step in the other direction."""
        return Step(self.what, self.after, self.before)

    def changes(self) -> dict[int, CellChanges]:
        """What to write over the labels from before."""
        return {key: CellChanges.between(self.before[key], self.after[key]) for key in self.after}


@dataclass(eq=False)
class LabelingSession:
    """Labels in the making.

    Every change goes through `change`, `undo` and `redo`; each is handed to `record` before it
    counts, so that what is on the screen is on the disk.

    Parameters
    ----------
    subject
        What is labelled.
    author
        Who labels now.
    frames
        Labels so far, by sample id.
    authors
        All who labelled, in the order of the numbers in the labels.
    record
        Writes a step down.
    clock
        Seconds since 1970.
    me
        Number of the author who labels now; nobody before the session is opened.
    """

    subject: Subject
    author: Author
    frames: dict[int, FrameLabels] = field(default_factory=dict)
    authors: list[Author] = field(default_factory=list)
    record: Callable[[Entry], None] = lambda entry: None
    clock: Callable[[], float] = time.time
    me: int = NOBODY
    n_entries: int = 0
    _done: list[Step] = field(default_factory=list)
    _undone: list[Step] = field(default_factory=list)
    _solved: dict[int, tuple[FrameLabels, Solution]] = field(default_factory=dict)

    def open(self) -> None:
        """Note who labels from here on."""
        self._write("opened", author=self.author)
        self.me = len(self.authors)
        self.authors.append(self.author)

    @property
    def by(self) -> By:
        """Who acts now, and when."""
        return By(self.me, self.clock())

    def row_of(self, sample_id: int) -> int:
        """Row in the sync of a moment."""
        return self._rows[sample_id]

    def at(self, sample_id: int) -> FrameLabels:
        """Labels of a moment; empty ones where there are none."""
        found = self.frames.get(sample_id)
        return FrameLabels.empty(*self.subject.shape) if found is None else found

    def solution(self, sample_id: int) -> Solution:
        """What follows from the labels of a moment."""
        labels = self.frames.get(sample_id)
        if labels is None:
            return self._nothing
        known = self._solved.get(sample_id)
        if known is None or known[0] is not labels:
            known = self._solved[sample_id] = (labels, solve(labels, self.subject.cameras))
        return known[1]

    @cached_property
    def _nothing(self) -> Solution:
        """What follows where nothing is labelled."""
        return solve(FrameLabels.empty(*self.subject.shape), self.subject.cameras)

    def snapshot(self) -> LabelingSession:
        """The labels as they are now, to be read in a thread while this one goes on."""
        return LabelingSession(
            self.subject,
            self.author,
            frames=dict(self.frames),
            authors=list(self.authors),
            me=self.me,
        )

    def change(
        self, what: str, after: Mapping[int, FrameLabels], joined: Sequence[Author] = ()
    ) -> bool:
        """Change the labels of some moments as one step.

        Parameters
        ----------
        what
            What was done, for the list of steps.
        after
            Labels by sample id.
        joined
            Others who put points of it, and are not among the authors: they are numbered on from
            these. They stay authors when the step is undone.

        Returns
        -------
        Whether anything is different now.

        Raises
        ------
        KeyError
            When the recording has no such moment.
        """
        self._check(after)
        before = {key: self.at(key) for key in after}
        changed = [key for key in after if not after[key].equals(before[key])]
        if not changed:
            return False
        step = Step(what, {k: before[k] for k in changed}, {k: after[k] for k in changed})
        self._write("do", what, step.changes(), joined=joined)
        self.authors += joined
        self._apply(step)
        self._done.append(step)
        self._undone.clear()
        return True

    def undo(self) -> Step | None:
        """Take the last step back; None when there is none."""
        if not self._done:
            return None
        step = self._done[-1].back()
        self._write("undo", step.what, step.changes())
        self._apply(step)
        self._undone.append(self._done.pop())
        return step

    def redo(self) -> Step | None:
        """Do again what was taken back; None when there is nothing."""
        if not self._undone:
            return None
        step = self._undone[-1]
        self._write("redo", step.what, step.changes())
        self._apply(step)
        self._done.append(self._undone.pop())
        return step

    @property
    def done(self) -> tuple[str, ...]:
        """What was done, the last step last."""
        return tuple(step.what for step in self._done)

    @property
    def undone(self) -> tuple[str, ...]:
        """What can be done again, the next one last."""
        return tuple(step.what for step in self._undone)

    def replay(self, entries: Iterable[Entry]) -> None:
        """Follow a journal, its steps to be undone and redone as in the session that made it.

        Raises
        ------
        ValueError
            When it does not fit the labels.
        """
        for entry in entries:
            try:
                self._follow(entry)
            except (IndexError, KeyError) as error:
                raise ValueError(f"entry {entry.number} does not fit: {error.args[0]}") from error
            self.n_entries = entry.number

    def _follow(self, entry: Entry) -> None:
        if entry.author is not None:
            self.authors.append(entry.author)
            return
        self._check(entry.frames)
        before = {key: self.at(key) for key in entry.frames}
        after = {key: changes.over(before[key]) for key, changes in entry.frames.items()}
        step = Step(entry.what, before, after)
        self.authors += entry.joined
        self._apply(step)
        if entry.kind == "undo":
            self._done = self._done[:-1]
            self._undone.append(step.back())
        else:
            self._done.append(step)
            self._undone = self._undone[:-1] if entry.kind == "redo" else []

    def _check(self, keys: Iterable[int]) -> None:
        for key in keys:
            if key not in self._rows:
                raise KeyError(f"the recording has no moment {key}")

    @cached_property
    def _rows(self) -> dict[int, int]:
        """Row in the sync of each moment."""
        return {key: row for row, key in enumerate(self.subject.sync.sample_ids.tolist())}

    def _apply(self, step: Step) -> None:
        for key, labels in step.after.items():
            if labels.is_empty:
                self.frames.pop(key, None)
            else:
                self.frames[key] = labels
            self._solved.pop(key, None)

    def _write(
        self,
        kind: str,
        what: str = "",
        frames: Mapping[int, CellChanges] | None = None,
        author: Author | None = None,
        joined: Sequence[Author] = (),
    ) -> None:
        entry = Entry(
            number=self.n_entries + 1,
            time=self.clock(),
            kind=kind,
            what=what,
            frames=dict(frames or {}),
            author=author,
            joined=tuple(joined),
        )
        self.record(entry)
        self.n_entries = entry.number

    def labels(self) -> Labels:
        """All labels with what follows from them, in order of time.

        The 3D points are those of complete keypoints; states are as they are shown. Points that a
        person put are where they were put, whatever the others say.
        """
        subject = self.subject
        keys = sorted(self.frames, key=self._rows.__getitem__)
        rows = np.array([self._rows[key] for key in keys], dtype=np.intp)
        empty = Labels.empty(
            subject.views,
            subject.skeleton,
            subject.animals,
            subject.sync.sample_ids[rows],
            np.ascontiguousarray(subject.sync.frames[rows].T),
        )
        if not keys:
            return empty
        solved = [self.solution(key) for key in keys]
        kept = [self.frames[key] for key in keys]
        complete = np.stack([each.complete for each in solved])
        points_3d = np.stack([each.points_3d for each in solved])
        return replace(
            empty,
            points_2d=np.stack([each.points for each in solved], axis=1),
            states=np.stack([each.states for each in solved], axis=1),
            points_3d=np.where(complete[..., None], points_3d, np.nan),
            labelers=np.stack([each.authors for each in kept], axis=1),
            labeler_names=tuple(author.name for author in self.authors),
            times=np.stack([each.times for each in kept], axis=1),
        )
