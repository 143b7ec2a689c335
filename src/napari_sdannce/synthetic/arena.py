"""The place where the animals are: a round floor with bedding, a rim, a hut and a feeder."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_sdannce.synthetic.behaviour import Ground

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Box:
    """A box that stands on the floor: centre (x, y), half sizes (along, across), height; mm.

    `turn` is the direction of its long side, radians.
    """

    centre: tuple[float, float]
    half: tuple[float, float]
    height: float
    turn: float = 0.0


@dataclass(frozen=True, slots=True)
class Pillar:
    """An upright cylinder: centre (x, y), radius, height; mm."""

    centre: tuple[float, float]
    radius: float
    height: float


@dataclass(frozen=True, slots=True)
class Arena:
    """A round arena.

    Parameters
    ----------
    radius
        Of the floor, mm; its middle is the origin.
    rim_height, rim_width
        Of the low wall round it, mm.
    boxes, pillars
        Things on the floor that hide animals from some cameras.
    seed
        Of the bedding.
    """

    radius: float = 300.0
    rim_height: float = 24.0
    rim_width: float = 9.0
    boxes: tuple[Box, ...] = (Box((-118.0, 150.0), (48.0, 34.0), 62.0, 0.5),)
    pillars: tuple[Pillar, ...] = (Pillar((165.0, -125.0), 21.0, 120.0),)
    seed: int = 0

    @property
    def ground(self) -> Ground:
        """Where animals can go here."""
        boxes = []
        for box in self.boxes:
            # three discs along the box
            along = np.array([np.cos(box.turn), np.sin(box.turn)])
            for s in (-0.6, 0.0, 0.6):
                x, y = np.array(box.centre) + s * box.half[0] * along
                boxes.append((float(x), float(y), box.half[1] + 4.0))
        pillars = [(*pillar.centre, pillar.radius + 2.0) for pillar in self.pillars]
        return Ground(self.radius, (*boxes, *pillars))


EMPTY_ARENA = Arena(boxes=(), pillars=())
