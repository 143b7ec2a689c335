"""Videos as lazy arrays: nothing is read at opening, and one frame is read when one is asked for.

A dask array with one chunk a frame makes a graph as long as the video, and one with many frames a
chunk decodes them all for one (napari switches off the optimisation that would slice first). So
`LazyVideo` picks frames before the graph: indexing along time gives a new small array of just those
frames, and turning that into numpy reads them there and then, without dask's scheduler (which
takes longer than decoding one) and without its cache. The graph is used when arrays are computed
from it, and has a few hundred chunks.
"""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, Self, cast
from uuid import uuid4

import dask.array
import numpy as np
import numpy.typing as npt
from dask.highlevelgraph import HighLevelGraph as Graph

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .pixels import Image

da: Any = dask.array
"""dask carries no types for its arrays."""

MAX_CHUNKS = 900
"""Most chunks of a `LazyVideo`."""
CHUNK_BYTES = 64 << 20
"""Bytes of a chunk, as far as `MAX_CHUNKS` allows."""


class FrameSource(Protocol):
    """Something that gives an image by its number, None when it has none."""

    def read_or_none(self, frame: int) -> Image | None:
        """The image of a frame."""
        ...


class FrameArray:
    """Frames as a numpy-like array that reads on indexing; napari takes it as it is.

    A frame that is missing is black, never an error.

    Parameters
    ----------
    source
        Where the images come from.
    frames
        Their numbers.
    frame_shape
        (H, W) or (H, W, 3).
    """

    dtype = np.dtype(np.uint8)

    def __init__(self, source: FrameSource, frames: range, frame_shape: tuple[int, ...]) -> None:
        self.source = source
        self.frames = frames
        self.frame_shape = frame_shape
        self._turn = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_turn"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _turn=threading.Lock())

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, H, W) or (T, H, W, 3)."""
        return (len(self.frames), *self.frame_shape)

    @property
    def ndim(self) -> int:
        """3 or 4."""
        return 1 + len(self.frame_shape)

    @property
    def size(self) -> int:
        """Number of values."""
        return len(self.frames) * int(np.prod(self.frame_shape))

    def __len__(self) -> int:
        return len(self.frames)

    def read(self, index: int) -> Image:
        """Image at a place along time; black where there is none."""
        image = self.source.read_or_none(self.frames[index])
        return np.zeros(self.frame_shape, dtype=np.uint8) if image is None else image

    def select(self, part: slice) -> Self:
        """The same, with only a part of the frames."""
        part_of_it = type(self)(self.source, self.frames[part], self.frame_shape)
        part_of_it._turn = self._turn
        return part_of_it

    def read_block(self, start: int, stop: int) -> npt.NDArray[np.uint8]:
        """A stretch of frames; threads that ask for several take turns, so that none jumps."""
        with self._turn:
            return self[start:stop]

    def __getitem__(self, index: Any) -> npt.NDArray[np.uint8]:
        first, rest = _split(index, self.ndim)
        if isinstance(first, (int, np.integer)):
            return cast("Image", self.read(int(first))[rest])
        chosen = range(len(self.frames))[first] if isinstance(first, slice) else list(first)
        images = [self.read(int(i))[rest] for i in chosen]
        if images:
            return np.stack(images)
        return np.empty((0, *np.empty(self.frame_shape, np.uint8)[rest].shape), dtype=np.uint8)

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> npt.NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)


class LazyVideo(dask.array.Array):
    """A dask array (T, H, W[, 3]) of video frames that picks frames before it makes a graph.

    Everything else is plain dask: results of arithmetic are ordinary arrays that work chunk by
    chunk, so take the frames first (``video[10:20].mean()``).
    """

    frames: FrameArray

    def __new__(cls, frames: FrameArray, name: str | None = None) -> LazyVideo:
        """Make one from frames."""
        name = name or f"video-{uuid4().hex}"
        per_frame = max(1, int(np.prod(frames.frame_shape)))
        length = max(1, CHUNK_BYTES // per_frame, -(-len(frames) // MAX_CHUNKS))
        chunks = (_chunks(len(frames), length), *((n,) for n in frames.frame_shape))
        zeros = (0,) * len(frames.frame_shape)
        graph = {}
        start = 0
        for i, n in enumerate(chunks[0]):
            graph[(name, i, *zeros)] = (_read_block, frames, start, start + n)
            start += n
        layers = _layer(name, graph)
        meta = np.empty((0,) * frames.ndim, dtype=np.uint8)
        video = cast("LazyVideo", da.Array.__new__(cls, layers, name, chunks, meta=meta))
        video.frames = frames
        return video

    def __getitem__(self, index: Any) -> Any:
        first, rest = _split(index, self.ndim)
        if isinstance(first, (bool, np.bool_)) or first is None or any(i is None for i in rest):
            return da.Array.__getitem__(self, index)
        if isinstance(first, (int, np.integer)):
            return _rest_of(self._one(int(first)), rest, 0)
        if isinstance(first, slice):
            start, stop, step = first.indices(len(self.frames))
            if (start, stop, step) == (0, len(self.frames), 1):
                return da.Array.__getitem__(self, index)
            name = f"{self.name}-{start}-{stop}-{step}"
            return _rest_of(LazyVideo(self.frames.select(first), name), rest, 1)
        numbers = np.asarray(first)
        if numbers.ndim == 1 and numbers.dtype != bool and 0 < len(numbers) <= MAX_CHUNKS:
            return _rest_of(da.stack([self._one(int(i)) for i in numbers]), rest, 1)
        return da.Array.__getitem__(self, index)

    def __array__(self, dtype: Any = None, copy: Any = None, **_: Any) -> npt.NDArray[Any]:
        return np.asarray(self.frames.read_block(0, len(self.frames)), dtype=dtype)

    def _one(self, index: int) -> Any:
        n = len(self.frames)
        if not -n <= index < n:
            raise IndexError(f"frame {index} of a video with {n} frames")
        index %= n
        name = f"{self.name}-{index}"
        shape = self.frames.frame_shape
        graph = {(name, *(0,) * len(shape)): (_read_one, self.frames, index)}
        layers = _layer(name, graph)
        meta = np.empty((0,) * len(shape), dtype=np.uint8)
        frame = da.Array.__new__(
            LazyFrame, layers, name, tuple((side,) for side in shape), meta=meta
        )
        frame.read = partial(self.frames.read, index)
        return frame


class LazyFrame(dask.array.Array):
    """One frame as a dask array, which numpy gets without dask's scheduler."""

    read: Callable[[], Image]

    def __array__(self, dtype: Any = None, copy: Any = None, **_: Any) -> npt.NDArray[Any]:
        return np.asarray(self.read(), dtype=dtype)


def lazy_video(source: FrameSource, n_frames: int, frame_shape: tuple[int, ...]) -> LazyVideo:
    """A dask array (T, H, W[, 3]) uint8 of a video; reads nothing."""
    return LazyVideo(FrameArray(source, range(n_frames), frame_shape))


def _layer(name: str, tasks: Mapping[Any, Any]) -> Graph:
    return Graph.from_collections(name, tasks, dependencies=())


def _chunks(total: int, length: int) -> tuple[int, ...]:
    whole, rest = divmod(total, length)
    return (*(length,) * whole, *((rest,) if rest or not whole else ()))


def _split(index: Any, ndim: int) -> tuple[Any, tuple[Any, ...]]:
    """The index along time, and the rest."""
    index = index if isinstance(index, tuple) else (index,)
    if any(part is Ellipsis for part in index):
        at = next(i for i, part in enumerate(index) if part is Ellipsis)
        given = sum(part is not None for part in index) - 1
        fill = (slice(None),) * (ndim - given)
        index = (*index[:at], *fill, *index[at + 1 :])
    return (index[0], index[1:]) if index else (slice(None), ())


def _rest_of(array: Any, rest: tuple[Any, ...], leading: int) -> Any:
    if all(isinstance(part, slice) and part == slice(None) for part in rest):
        return array
    return da.Array.__getitem__(array, (slice(None),) * leading + rest)


def _read_block(frames: FrameArray, start: int, stop: int) -> npt.NDArray[np.uint8]:
    return frames.read_block(start, stop)


def _read_one(frames: FrameArray, index: int) -> npt.NDArray[np.uint8]:
    return frames.read(index)
