"""Coats: what colour each part of a rat is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from napari_sdannce.synthetic.noise import noise_cube
from napari_sdannce.synthetic.skin import BARE, EAR, EYE, FUR, TAIL_SKIN, rat_skin

FloatArray = npt.NDArray[np.float64]


class Coat(StrEnum):
    """Colours of laboratory rats."""

    ALBINO = "albino"
    HOODED = "hooded"
    AGOUTI = "agouti"
    BLACK = "black"
    NONE = "none"
    """All animals the same middle grey: unmarked."""


@dataclass(frozen=True, slots=True)
class _Palette:
    back: tuple[float, float, float]
    belly: tuple[float, float, float]
    bare: tuple[float, float, float]
    tail: tuple[float, float, float]
    ear: tuple[float, float, float]
    eye: tuple[float, float, float]


_PINK = (222.0, 172.0, 160.0)
_PALETTES = {
    Coat.ALBINO: _Palette(
        (232.0, 228.0, 219.0), (238.0, 233.0, 225.0), _PINK, (216.0, 168.0, 155.0),
        (226.0, 178.0, 167.0), (120.0, 22.0, 28.0),
    ),
    Coat.HOODED: _Palette(
        (44.0, 40.0, 38.0), (228.0, 223.0, 213.0), _PINK, (150.0, 126.0, 118.0),
        (92.0, 76.0, 72.0), (16.0, 13.0, 13.0),
    ),
    Coat.AGOUTI: _Palette(
        (104.0, 80.0, 56.0), (176.0, 160.0, 138.0), (188.0, 150.0, 138.0), (116.0, 98.0, 90.0),
        (120.0, 94.0, 82.0), (14.0, 11.0, 10.0),
    ),
    Coat.BLACK: _Palette(
        (46.0, 42.0, 40.0), (62.0, 57.0, 53.0), (140.0, 116.0, 110.0), (78.0, 70.0, 68.0),
        (70.0, 60.0, 57.0), (12.0, 10.0, 10.0),
    ),
    Coat.NONE: _Palette(
        (128.0, 122.0, 115.0), (156.0, 150.0, 142.0), _PINK, (170.0, 142.0, 132.0),
        (156.0, 128.0, 118.0), (16.0, 13.0, 13.0),
    ),
}  # fmt: skip


def coat_colours(coat: Coat, seed: int) -> FloatArray:
    """Colour (N, 3), 0..255, of each vertex of `rat_skin`; markings differ from seed to seed."""
    skin = rat_skin()
    palette = _PALETTES[coat]
    x, _, z = skin.vertices.T
    rough = _marking_noise(skin.vertices, seed)
    colours = np.empty((len(x), 3))
    # the belly is lighter, with a soft edge along the flank
    low = _step(30.0 + 5.0 * rough - 0.06 * np.clip(x - 120, 0, 90), 16.0, z)
    back, belly = np.array(palette.back), np.array(palette.belly)
    fur = back + (1 - low)[:, None] * (belly - back)
    if coat is Coat.HOODED:
        dark = _hood(skin.vertices, rough, seed)
        fur = np.array(palette.belly) + dark[:, None] * (back - np.array(palette.belly))
    muzzle = np.clip((x - 200) / 9, 0, 1) * 0.45
    fur = fur + muzzle[:, None] * (np.array(palette.bare) - fur)
    colours[:] = fur * (1 + 0.03 * rough[:, None])
    for material, colour in (
        (BARE, palette.bare),
        (TAIL_SKIN, palette.tail),
        (EYE, palette.eye),
        (EAR, palette.ear),
    ):
        colours[skin.material == material] = colour
    at_tail = skin.material == TAIL_SKIN
    # the tail's rings of scales
    colours[at_tail] *= (1 + 0.05 * np.sign(np.sin(x[at_tail] * 1.45)))[:, None]
    return np.clip(colours, 4, 250)


def _hood(places: FloatArray, rough: FloatArray, seed: int) -> FloatArray:
    """Share of dark fur: head and shoulders, and a ragged stripe along the back."""
    rng = np.random.default_rng([seed, 31])
    x, y, z = places.T
    edge = rng.uniform(82.0, 100.0) + 9 * rough - 0.2 * np.clip(45 - z, 0, 40)
    hood = _step(edge, 7.0, x) * _step(13.0 + 3 * rough, 6.0, z + 0.2 * np.clip(x - 150, 0, 60))
    wide = rng.uniform(9.0, 14.0) + 5.0 * rough
    stripe = (1 - _step(wide, 5.0, np.abs(y))) * _step(46.0, 8.0, z) * _step(-40.0, 6.0, x)
    return np.maximum(hood, stripe)


def _step(edge: FloatArray | float, width: float, value: FloatArray) -> FloatArray:
    s = np.clip((value - edge) / width + 0.5, 0, 1)
    return np.asarray(s * s * (3 - 2 * s))


def _marking_noise(places: FloatArray, seed: int) -> FloatArray:
    cube = noise_cube(32, seed, octaves=(1.0, 2.0))
    cell = np.floor(places / 5.0).astype(int)
    share = places / 5.0 - cell
    total = np.zeros(len(places))
    for corner in np.ndindex(2, 2, 2):
        weight = np.prod(np.where(corner, share, 1 - share), axis=1)
        i, j, k = ((cell + corner) % 32).T
        total += weight * cube[i, j, k]
    return total


def furriness() -> FloatArray:
    """(N,) 1 where a vertex of `rat_skin` bears fur, 0 where it is bare; ears a little."""
    material = rat_skin().material
    return np.where(material == FUR, 1.0, np.where(material == EAR, 0.25, 0.0))
