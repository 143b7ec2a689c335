"""Propagation in a session: from one labelled moment, and between two."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_sdannce.labeling.blending import blend
from napari_sdannce.labeling.flow import unit_px
from napari_sdannce.labeling.gray_images import HELD_BYTES, fitting, gray_images
from napari_sdannce.labeling.propagation import Start, Tracked, carry
from napari_sdannce.labeling.propagation_settings import PropagationSettings

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from napari_sdannce.labeling.session import LabelingSession
    from napari_sdannce.video import RecordingVideo
    from napari_sdannce.video.pixels import Image


@dataclass(frozen=True, eq=False)
class Propagation:
    """Carries the labels of a session to other moments; changes nothing by itself.

    What comes out is laid over the labels of a moment by ``Tracked.over``, when a person wants it
    and over the labels as they are then.

    The session is read when a method is called, never by the loop over what it returns: that may
    run in a thread of its own while a person goes on labelling.

    Parameters
    ----------
    session
        The labels.
    video
        The same recording, opened in any colour.
    settings
        When views are believed.
    held_bytes
        Most bytes of images held.

    Examples
    --------
    >>> tracked = Propagation(session, video).from_moment(100, range(101, 111))  # doctest: +SKIP
    >>> after = {key_of(t.moment): t.over(session.at(key_of(t.moment)), session.by)
    ...          for t in tracked}  # doctest: +SKIP
    >>> session.change("propagate", after)  # doctest: +SKIP
    """

    session: LabelingSession
    video: RecordingVideo
    settings: PropagationSettings = field(default_factory=PropagationSettings)
    held_bytes: int = HELD_BYTES

    def from_moment(self, moment: int, targets: Sequence[int]) -> Iterator[Tracked]:
        """Carry the labels of a moment to later ones, or to earlier ones.

        Parameters
        ----------
        moment
            Row of the sync.
        targets
            Rows to carry to, in order: rising from there, or falling. Every one between should be
            among them, as keypoints are followed from one to the next.

        Yields
        ------
        Tracked
            A moment at a time, until all are done or all keypoints are lost.

        Raises
        ------
        ValueError
            When the moments lie on both sides or go to and fro, or the videos are of other cameras.
        IndexError
            When the recording has no such moment.
        """
        moments = [moment, *targets]
        if moments not in (sorted(set(moments)), sorted(set(moments), reverse=True)):
            raise ValueError(
                f"labels are carried to later moments or to earlier ones, each once; got {moment} "
                f"to {', '.join(map(str, targets[:10]))}"
            )
        for each in moments:
            self._key(each)
        views, start = self._views(), self._start(moment)
        images = gray_images(self.video, moments, views, self.held_bytes)
        return carry(start, moments, images, self.session.subject.cameras, self.settings)

    def between(self, before: int, after: int) -> Iterator[Tracked]:
        """Carry the labels of two moments to all between, from both ends.

        Parameters
        ----------
        before, after
            Rows of the sync, both labelled.

        Yields
        ------
        Tracked
            Each moment twice: rising, from the first end alone, then falling, blended with what
            comes from the other end. The later one takes the place of the earlier.

        Raises
        ------
        ValueError
            When they are not in order, or the videos are of other cameras.
        IndexError
            When the recording has no such moment.
        """
        if before >= after:
            raise ValueError(f"moment {before} does not come before moment {after}")
        # both looked up now: what a person changes meanwhile does not come half into it
        ends, views = (self._start(before), self._start(after)), self._views()
        return self._between(before, after, ends, views)

    def _between(
        self, before: int, after: int, ends: tuple[Start, Start], views: Sequence[int]
    ) -> Iterator[Tracked]:
        cameras = self.session.subject.cameras
        rising = list(range(before, after + 1))
        held: dict[int, list[Image | None]] = {}
        keeps = len(rising) <= fitting(self.video, views, self.held_bytes)
        limits = self._limits(views)

        def forwards() -> Generator[list[Image | None]]:
            for moment, images in zip(rising, gray_images(self.video, rising, views), strict=True):
                if keeps:
                    held[moment] = images
                yield images

        reached: dict[int, Tracked] = {}
        images = forwards()
        for tracked in carry(ends[0], rising, images, cameras, self.settings):
            if tracked.moment != after:
                reached[tracked.moment] = tracked
                yield tracked
        for _ in images if keeps else ():
            pass  # all keypoints were lost on the way: the other end needs the rest
        images.close()
        falling = rising[::-1]
        back = (
            (held.pop(moment) for moment in falling)
            if keeps
            else gray_images(self.video, falling, views, self.held_bytes)
        )
        for tracked in carry(ends[1], falling, back, cameras, self.settings):
            known = reached.get(tracked.moment)
            if tracked.moment != before:
                yield tracked if known is None else blend(known, tracked, cameras, limits)

    def _key(self, moment: int) -> int:
        ids = self.session.subject.sync.sample_ids
        if not 0 <= moment < len(ids):
            raise IndexError(f"moment {moment} asked for; the recording has {len(ids)}")
        return int(ids[moment])

    def _start(self, moment: int) -> Start:
        key = self._key(moment)
        return Start.of(self.session.at(key), self.session.solution(key))

    def _views(self) -> list[int]:
        """Number in the videos of each view of the session."""
        names, wanted = self.video.recording.names, self.session.subject.views
        missing = [name for name in wanted if name not in names]
        if missing:
            raise ValueError(
                f"the labels are of the cameras {', '.join(wanted)}, the videos of "
                f"{', '.join(names)}"
            )
        return [names.index(name) for name in wanted]

    def _limits(self, views: Sequence[int]) -> list[float]:
        sizes = [self.video.sizes[view] for view in views]
        return [self.settings.apart * (1.0 if size is None else unit_px(size)) for size in sizes]
