"""What the animals do, and where they can go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class ActKind(StrEnum):
    """The things a rat does here."""

    WALK = "walk"
    PAUSE = "pause"
    REAR = "rear"
    GROOM = "groom"
    APPROACH = "approach"
    FOLLOW = "follow"
    BESIDE = "beside"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that an animal does for a while.

    Parameters
    ----------
    kind
        What.
    seconds
        How long at most; walking ends earlier, on arrival.
    target
        (x, y) mm to walk to.
    other
        Which animal to approach, follow or stand beside.
    speed
        Speed wanted, mm/s.
    height
        How far to rear: 0 not at all .. 1 upright.
    """

    kind: ActKind
    seconds: float
    target: tuple[float, float] = (0.0, 0.0)
    other: int = 0
    speed: float = 160.0
    height: float = 1.0


@dataclass(frozen=True, slots=True)
class Role:
    """What one animal does.

    Parameters
    ----------
    place
        (x, y) mm where its pelvis is at first.
    heading
        Which way it faces then, radians.
    acts
        Done one after the other; after the last the animal pauses.
    """

    place: tuple[float, float]
    heading: float
    acts: tuple[Act, ...]


Script = Sequence[Role]
"""The role of each animal."""


@dataclass(frozen=True, slots=True)
class Ground:
    """Where animals can go: a disc without some smaller discs.

    Parameters
    ----------
    radius
        Of the floor, mm; its middle is the origin.
    obstacles
        (x, y, radius) mm each.
    """

    radius: float = 300.0
    obstacles: tuple[tuple[float, float, float], ...] = ()


def made_up(i: int, n: int, ground: Ground, rng: np.random.Generator) -> Iterator[Act]:
    """Acts of animal `i` of `n`, without end, as the chance falls."""
    social = 0.3 if n > 1 else 0.0
    kinds = [ActKind.WALK, ActKind.PAUSE, ActKind.REAR, ActKind.GROOM]
    kinds += [ActKind.APPROACH, ActKind.FOLLOW, ActKind.BESIDE]
    chances = np.array([0.40, 0.14, 0.12, 0.06, 0.5 * social, 0.25 * social, 0.25 * social])
    seconds = (4.0, 1.2, 1.8, 2.2, 4.0, 4.0, 4.0)
    while True:
        k = int(rng.choice(len(kinds), p=chances / chances.sum()))
        reach = np.sqrt(rng.uniform(0, 1)) * (ground.radius - 80)
        azimuth = rng.uniform(0, 2 * np.pi)
        target = (float(reach * np.cos(azimuth)), float(reach * np.sin(azimuth)))
        other = int((i + rng.integers(1, max(n, 2))) % n)
        lasting, speed = seconds[k] * rng.uniform(0.6, 1.4), rng.uniform(80, 330)
        # the bold run fast and rear high
        height = float(np.clip(0.6 + 0.4 * (speed - 80) / 200, 0.6, 1.0))
        yield Act(kinds[k], lasting, target, other, speed, height)
