"""A scene: cameras, arena, moving rats and their coats."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_sdannce.synthetic.arena import Arena
from napari_sdannce.synthetic.behaviour import Act, ActKind, Role
from napari_sdannce.synthetic.coat import Coat
from napari_sdannce.synthetic.motion import rat_motion
from napari_sdannce.synthetic.rig import FLOOR_SHARE, camera_ring

if TYPE_CHECKING:
    from napari_sdannce.geometry import Camera
    from napari_sdannce.synthetic.motion import Motion

_COATS = (Coat.HOODED, Coat.ALBINO, Coat.AGOUTI, Coat.BLACK)


@dataclass(frozen=True, eq=False)
class Scene:
    """Everything that an image depends on: the same scene gives the same bytes.

    Parameters
    ----------
    cameras
        V calibrated cameras with image sizes.
    motion
        A rats over T frames.
    coats
        One for each rat.
    arena
        Where they are.
    noise
        Strength of the sensor noise, 1 about two grey levels.
    seed
        Of markings, exposures and noise.

    Raises
    ------
    ValueError
        When coats and animals are not as many.
    """

    cameras: tuple[Camera, ...]
    motion: Motion
    coats: tuple[Coat, ...]
    arena: Arena = field(default_factory=Arena)
    noise: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.coats) != self.motion.n_animals:
            raise ValueError(f"scene: {len(self.coats)} coats for {self.motion.n_animals} animals")

    def __len__(self) -> int:
        return len(self.motion)


def random_scene(
    n_frames: int,
    n_animals: int = 2,
    n_cameras: int = 6,
    *,
    image_size: tuple[int, int] = (640, 512),
    marked: bool = True,
    seed: int = 0,
) -> Scene:
    """A scene for training: rats that do as they like, cameras placed anew for each seed.

    Rats have different coats when `marked`, else all the same.
    """
    arena = Arena(seed=seed)
    cameras = camera_ring(
        n_cameras, image_size=image_size, radius_mm=arena.radius / FLOOR_SHARE, seed=seed
    )
    motion = rat_motion(n_frames, n_animals, seed=seed, ground=arena.ground)
    coats = tuple(_COATS[i % len(_COATS)] if marked else Coat.NONE for i in range(n_animals))
    return Scene(cameras, motion, coats, arena, seed=seed)


def two_rats(n_frames: int = 200) -> Scene:
    """The sample data's scene: a hooded rat goes up to a white one, sniffs, rears; they part."""
    arena = Arena(seed=1)
    cameras = camera_ring(6, radius_mm=arena.radius / FLOOR_SHARE, seed=1)
    hooded = (
        Act(ActKind.APPROACH, 2.0, other=1, speed=200),
        Act(ActKind.REAR, 0.75, height=0.96),
        Act(ActKind.WALK, 3.0, target=(170.0, 180.0), speed=330),
    )
    white = (
        Act(ActKind.WALK, 0.8, target=(45.0, -40.0), speed=120),
        Act(ActKind.PAUSE, 1.1),
        Act(ActKind.WALK, 3.0, target=(-60.0, -250.0), speed=300),
    )
    script = (Role((-225.0, -75.0), 0.3, hooded), Role((75.0, 205.0), -1.75, white))
    motion = rat_motion(n_frames, 2, seed=1, ground=arena.ground, script=script)
    return Scene(cameras, motion, (Coat.HOODED, Coat.ALBINO), arena, noise=0.8, seed=1)
