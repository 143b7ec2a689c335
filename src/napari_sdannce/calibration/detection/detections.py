"""Board corners as they were found in the images of several cameras."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Size = tuple[int, int]


@dataclass(frozen=True, eq=False, slots=True)
class Detections:
    """Sightings of one board: each is what one camera saw of it at one moment.

    Parameters
    ----------
    names
        V cameras.
    image_sizes
        Their (width, height), px.
    view
        (G,) which camera, of each of G sightings.
    moment
        (G,) moment of the recording; sightings of one moment saw the board in one place.
    corners
        (G, M, 2) px, distorted, NaN where a corner was not found.
    side
        (G,) side of the board that was seen: 0 front, 1 back. None: front.

    Raises
    ------
    ValueError
        When arrays do not fit together.
    """

    names: tuple[str, ...]
    image_sizes: tuple[Size, ...]
    view: IntArray
    moment: IntArray
    corners: FloatArray
    side: IntArray = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        n = len(self.view)
        if self.side is None:
            object.__setattr__(self, "side", np.zeros(n, dtype=np.int64))
        if self.moment.shape != (n,) or self.side.shape != (n,):
            raise ValueError(
                f"sightings: {n} views, {self.moment.shape} moments, {self.side.shape} sides"
            )
        if self.corners.ndim != 3 or self.corners.shape[::2] != (n, 2):
            raise ValueError(f"corners must be ({n}, M, 2), got {self.corners.shape}")
        if len(self.names) != len(self.image_sizes):
            raise ValueError(f"{len(self.names)} cameras, {len(self.image_sizes)} image sizes")
        if n and (self.view.min() < 0 or self.view.max() >= len(self.names)):
            raise ValueError(f"views must be 0 to {len(self.names) - 1}")

    def __len__(self) -> int:
        return len(self.view)

    @property
    def seen(self) -> npt.NDArray[np.bool_]:
        """(G, M) corners that were found."""
        return np.asarray(np.isfinite(self.corners).all(axis=-1))

    @property
    def moments(self) -> IntArray:
        """Moments at which any camera saw the board, rising."""
        return np.unique(self.moment)

    @property
    def saw(self) -> npt.NDArray[np.bool_]:
        """(F, V) which cameras saw the board at each of the moments."""
        moments, rows = np.unique(self.moment, return_inverse=True)
        saw = np.zeros((len(moments), len(self.names)), dtype=bool)
        saw[rows, self.view] = True
        return saw

    def take(self, which: npt.NDArray[np.bool_] | IntArray) -> Self:
        """Only some sightings."""
        return replace(
            self,
            view=self.view[which],
            moment=self.moment[which],
            corners=self.corners[which],
            side=self.side[which],
        )

    def joined(self, others: Self) -> Self:
        """These sightings and others, of the same cameras and board."""
        return replace(
            self,
            view=np.concatenate([self.view, others.view]),
            moment=np.concatenate([self.moment, others.moment]),
            corners=np.concatenate([self.corners, others.corners]),
            side=np.concatenate([self.side, others.side]),
        )

    def of_views(self, views: Sequence[int]) -> Self:
        """Only sightings of some cameras, which are then counted in this order."""
        place = {view: i for i, view in enumerate(views)}
        part = self.take(np.isin(self.view, views))
        return replace(
            part,
            names=tuple(self.names[view] for view in views),
            image_sizes=tuple(self.image_sizes[view] for view in views),
            view=np.array([place[int(view)] for view in part.view], dtype=np.int64),
        )

    def at(self, moments: Sequence[int] | IntArray) -> Self:
        """Only sightings of these moments."""
        return self.take(np.isin(self.moment, moments))
