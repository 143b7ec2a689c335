"""What is known of the files of one camera: where each frame is, and what is missing."""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import TYPE_CHECKING

from napari_sdannce.recording import Problem

from .errors import VideoError
from .frame_index import FrameIndex
from .frame_ranges import clip_ranges, describe_ranges, merge_ranges, shift_ranges
from .header import read_header

if TYPE_CHECKING:
    from pathlib import Path

    from napari_sdannce.recording import View


class CameraFiles:
    """What is known of a camera's files; shared by all who read them.

    Parameters
    ----------
    view
        The camera and its files.

    Raises
    ------
    VideoError
        When none of the files can be used.
    ValueError
        When the camera has no files.
    """

    def __init__(self, view: View) -> None:
        if not view.videos:
            raise ValueError(f"camera '{view.name}' has no videos; expected at least one file")
        self.view = view
        self.starts = [video.first_frame for video in view.videos]
        self._found: dict[int, FrameIndex | VideoError] = {}
        self._lock = threading.Lock()
        usable = (file for file in range(len(self.starts)) if self._usable(file) is not None)
        first = next(usable, None)
        if first is None:
            error = self._found[0]
            assert isinstance(error, VideoError)
            raise VideoError(error.path, f"camera '{view.name}': {error.message}")
        self.header = self.index(first).header

    def index(self, file: int) -> FrameIndex:
        """Index of a file.

        Raises
        ------
        VideoError
            When the file cannot be used.
        """
        with self._lock:
            found = self._found.get(file)
            if found is None:
                try:
                    found = FrameIndex(read_header(self.view.videos[file].path))
                except VideoError as error:
                    found = error
                self._found[file] = found
        if isinstance(found, VideoError):
            raise VideoError(found.path, found.message)
        return found

    def _usable(self, file: int) -> FrameIndex | None:
        try:
            return self.index(file)
        except VideoError:
            return None

    def locate(self, frame: int) -> tuple[int, int]:
        """Number of the file that holds a frame (-1: before the first), and the index in it."""
        file = bisect_right(self.starts, frame) - 1
        return file, frame - (self.starts[file] if file >= 0 else 0)

    def end(self, *, wait: bool) -> int:
        """End of the last file that can be used; only what is known at once unless `wait`."""
        after = None
        for file in reversed(range(len(self.starts))):
            index = self._usable(file)
            if index is not None:
                if wait:
                    index.wait()
                end = self.starts[file] + index.n_frames_now
                return end if after is None else min(end, after)
            after = self.starts[file]
        return 0

    def known_end(self) -> int | None:
        """End of the last file, None while it is not known; frames lost at its end count."""
        index = self._usable(len(self.starts) - 1)
        if index is None:
            return None
        count = index.n_frames_now
        if not index.is_complete:
            return None
        return self.starts[-1] + max(count, index.header.promised or 0)

    def inspect(self) -> None:
        """Read every header and finish every index."""
        for file in range(len(self.starts)):
            index = self._usable(file)
            if index is not None:
                index.wait()

    def stop(self) -> None:
        """End indexing in the background."""
        for found in list(self._found.values()):
            if isinstance(found, FrameIndex):
                found.stop()

    def missing(self) -> tuple[range, ...]:
        """Frames of the camera that cannot be read, as far as known."""
        ranges = [range(self.starts[0])]
        for file, found in sorted(self._found.items()):
            start = self.starts[file]
            stop = self.starts[file + 1] if file + 1 < len(self.starts) else None
            if isinstance(found, VideoError):
                ranges += [range(start, stop)] if stop is not None else []
                continue
            ranges += clip_ranges(shift_ranges(found.missing_now, start), start, stop)
            if stop is not None and found.is_complete:
                ranges.append(range(start + found.n_frames_now, stop))
        return merge_ranges(ranges)

    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the files, as far as known."""
        problems = []
        camera = f"camera '{self.view.name}'"
        if self.starts[0]:
            lost = describe_ranges([range(self.starts[0])])
            problems.append(
                Problem(self.view.videos[0].path, f"{camera}: no file for frames {lost}")
            )
        for file, found in sorted(self._found.items()):
            path = self.view.videos[file].path
            if isinstance(found, VideoError):
                problems.append(Problem(path, f"{camera}: {found.message}{self._span(file)}"))
                continue
            problems += [Problem(path, f"{camera}: {text}") for text in found.problems_now]
            problems += self._gap(path, file, found)
        return tuple(problems)

    def _span(self, file: int) -> str:
        start = self.starts[file]
        if file + 1 < len(self.starts):
            return f"; frames {describe_ranges([range(start, self.starts[file + 1])])} are missing"
        return f"; frames from {start} on are missing"

    def _gap(self, path: Path, file: int, found: FrameIndex) -> list[Problem]:
        if file + 1 >= len(self.starts) or not found.is_complete:
            return []
        end, after = self.starts[file] + found.n_frames_now, self.starts[file + 1]
        if end >= after:
            return []
        text = f"ends before the next file begins; frames {describe_ranges([range(end, after)])}"
        return [Problem(path, f"camera '{self.view.name}': {text} are missing")]
