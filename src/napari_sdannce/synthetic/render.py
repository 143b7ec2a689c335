"""Draw scenes: an image for each camera, and which keypoints it sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.synthetic import raster
from napari_sdannce.synthetic.anatomy import KEYPOINT_DEPTHS, STARTS
from napari_sdannce.synthetic.background import trace_background
from napari_sdannce.synthetic.coat import coat_colours, furriness
from napari_sdannce.synthetic.lens import packed
from napari_sdannce.synthetic.light import KEY, Shadows, cast_shadows, light_vertices
from napari_sdannce.synthetic.skin import EYE, rat_skin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.geometry import Camera
    from napari_sdannce.synthetic.background import Background
    from napari_sdannce.synthetic.scene import Scene

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_SLACK_MM = 4.0
"""A keypoint counts as seen when the surface before it is no nearer than its depth and this."""

_NOISE_TILE = 256

_HAIRS = ((0.0, 0.0), (0.9, 0.1), (1.8, 0.8))
"""Layers of fur: height over the skin, mm, and how strong the noise must be for a hair to show."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One moment as the cameras see it.

    Parameters
    ----------
    images
        (H, W, 3) uint8, one a camera.
    visibility
        (V, A, K) whether the camera sees the keypoint.
    masks
        (H, W) uint8 a camera: 0 where no animal is, 1 + its number where one covers the pixel.
    """

    images: tuple[Image, ...]
    visibility: npt.NDArray[np.bool_]
    masks: tuple[npt.NDArray[np.uint8], ...]


def render_frame(scene: Scene, t: int) -> Frame:
    """Draw frame `t` of a scene. What does not move is traced at the first call and kept.

    Raises
    ------
    IndexError
        When the scene has no such frame.

    Examples
    --------
    >>> from napari_sdannce.synthetic import random_scene
    >>> frame = render_frame(random_scene(1, 1, 2, image_size=(160, 128)), 0)
    >>> frame.images[0].shape, frame.visibility.shape
    ((128, 160, 3), (2, 1, 23))
    """
    if not 0 <= t < len(scene):
        raise IndexError(f"the scene has {len(scene)} frames, not frame {t}")
    return _studio(scene).shoot(t)


def render_scene(scene: Scene) -> Iterator[Frame]:
    """Draw every frame of a scene, one after the other."""
    for t in range(len(scene)):
        yield render_frame(scene, t)


def visibility(scene: Scene) -> npt.NDArray[np.bool_]:
    """(V, T, A, K) which keypoints each camera sees; draws the scene for it."""
    return np.stack([frame.visibility for frame in render_scene(scene)], axis=1)


@dataclass(frozen=True, eq=False)
class _Cast:
    """The animals at one moment: all their vertices in one mesh."""

    vertices: FloatArray
    normals: FloatArray
    lit: FloatArray
    shadows: Shadows


class _Studio:
    """A scene with what stays the same between its frames."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        skin = rat_skin()
        n = scene.motion.n_animals
        self.n_vertices = len(skin.vertices)
        self.albedo = [coat_colours(coat, scene.seed + i) for i, coat in enumerate(scene.coats)]
        self.fur = furriness()
        self.grain = 0.02 + 0.08 * self.fur
        self.gloss = (skin.material == EYE).astype(np.float64)
        self.stages = [_Stage(camera, scene, v) for v, camera in enumerate(scene.cameras)]
        self.rest = skin.vertices
        self.reach = scene.arena.radius + 90.0
        self.n_animals = n

    def shoot(self, t: int) -> Frame:
        cast = self._cast(t)
        shots = [stage.shoot(self, cast, t) for stage in self.stages]
        return Frame(
            tuple(image for image, _, _ in shots),
            np.stack([seen for _, seen, _ in shots]),
            tuple(mask for _, _, mask in shots),
        )

    def _cast(self, t: int) -> _Cast:
        skin, motion = rat_skin(), self.scene.motion
        vertices = np.empty((self.n_animals, self.n_vertices, 3))
        normals = np.empty_like(vertices)
        lit = np.empty_like(vertices)
        for a in range(self.n_animals):
            matrices = _bone_matrices(
                motion.rotations[t, a].astype(np.float64),
                motion.origins[t, a].astype(np.float64),
                float(motion.scales[a]),
            )
            raster.skin_vertices(skin.vertices, skin.bones, skin.weights, matrices, vertices[a])
            raster.vertex_normals(vertices[a], skin.triangles, normals[a])
        shadows = cast_shadows(vertices.reshape(-1, 3), self.reach)
        for a in range(self.n_animals):
            light_vertices(
                vertices[a], normals[a], self.albedo[a], self.fur, shadows.lamp, self.reach, lit[a]
            )
        return _Cast(vertices, normals, lit, shadows)


@lru_cache(maxsize=2)
def _studio(scene: Scene) -> _Studio:
    return _Studio(scene)


def _bone_matrices(rotations: FloatArray, origins: FloatArray, scale: float) -> FloatArray:
    """(B, 3, 4) that take places at rest to the world."""
    turned = scale * rotations
    moved = origins - np.einsum("bij,bj->bi", turned, STARTS)
    return np.concatenate([turned, moved[:, :, None]], axis=2)


class _Stage:
    """One camera of a scene: its background, exposure and noise."""

    def __init__(self, camera: Camera, scene: Scene, number: int) -> None:
        assert camera.image_size is not None
        self.camera = camera
        self.lens = packed(camera)
        self.number = number
        self.background: Background = trace_background(camera, scene.arena)
        width, height = camera.image_size
        self.empty = np.empty((height, width, 3), dtype=np.float32)
        raster.average_samples(self.background.colour, self.empty)
        rng = np.random.default_rng([scene.seed, number, 41])
        self.gain = _gain(width, height, rng)
        tile = rng.standard_normal((_NOISE_TILE, _NOISE_TILE, 3)) * 1.6 * scene.noise
        self.noise = tile.astype(np.float32)
        self.seed = scene.seed

    def shoot(
        self, studio: _Studio, cast: _Cast, t: int
    ) -> tuple[Image, npt.NDArray[np.bool_], npt.NDArray[np.uint8]]:
        left, top, right, bottom = self._region(cast)
        window = (slice(2 * top, 2 * bottom), slice(2 * left, 2 * right))
        colour = self.background.colour[window].astype(np.float32)
        depth = self.background.depth[window].copy()
        owner = np.zeros(depth.shape, dtype=np.uint8)
        ground = self.background.ground[top:bottom, left:right]
        shadows = cast.shadows
        raster.darken_floor(
            self.background.floor[window], ground, shadows.floor, shadows.reach, colour
        )
        self._draw(studio, cast, (left, top), colour, depth, owner)
        picture = self.empty.copy()
        small = np.empty((bottom - top, right - left, 3), dtype=np.float32)
        raster.average_samples(colour, small)
        picture[top:bottom, left:right] = small
        image = np.empty(picture.shape, dtype=np.uint8)
        rng = np.random.default_rng([self.seed, self.number, t, 43])
        row, column = rng.integers(0, _NOISE_TILE, 2)
        raster.expose(picture, self.gain, self.noise, row, column, image)
        mask = np.zeros(picture.shape[:2], dtype=np.uint8)
        mask[top:bottom, left:right] = owner[::2, ::2]
        seen = self._sees(studio.scene.motion.keypoints[t], studio.scene, depth, (left, top))
        return image, seen, mask

    def _draw(
        self,
        studio: _Studio,
        cast: _Cast,
        corner: tuple[int, int],
        colour: npt.NDArray[np.float32],
        depth: npt.NDArray[np.float32],
        owner: npt.NDArray[np.uint8],
    ) -> None:
        skin = rat_skin()
        seen = np.empty((studio.n_vertices, 3))
        shaded = np.empty((studio.n_vertices, 4))
        for a in range(studio.n_animals):
            vertices, normals = cast.vertices[a], cast.normals[a]
            raster.shade_vertices(
                self.camera.centre, vertices, normals, cast.lit[a], studio.fur, studio.gloss, KEY,
                shaded,
            )  # fmt: skip
            for height, cut in _HAIRS:
                raster.project_vertices(
                    self.lens, vertices, normals, height * studio.fur, corner, seen
                )
                raster.draw(
                    seen, shaded, studio.rest, studio.grain, skin.triangles, raster.STRANDS, cut,
                    colour, depth, owner, a + 1,
                )  # fmt: skip

    def _region(self, cast: _Cast) -> tuple[int, int, int, int]:
        """Pixels (left, top, right, bottom) that animals and their shadows can touch."""
        assert self.camera.image_size is not None
        width, height = self.camera.image_size
        body = cast.vertices[:, ::7].reshape(-1, 3)
        ground = body.copy()
        ground[:, :2] -= body[:, 2:] * np.array(KEY[:2]) / KEY[2]
        ground[:, 2] = 0
        pixels = self.camera.project(np.concatenate([body, ground]))
        low = np.clip(np.nanmin(pixels, axis=0) - 45, 0, (width - 2, height - 2)).astype(int)
        high = np.clip(np.nanmax(pixels, axis=0) + 45, low + 2, (width, height)).astype(int)
        return int(low[0]), int(low[1]), int(high[0]), int(high[1])

    def _sees(
        self,
        keypoints: FloatArray,
        scene: Scene,
        depth: npt.NDArray[np.float32],
        corner: tuple[int, int],
    ) -> npt.NDArray[np.bool_]:
        """(A, K): inside the image, and nothing but the skin over it before the keypoint."""
        pixels = self.camera.project(keypoints)
        far = self.camera.to_camera_frame(keypoints)[..., 2]
        inside = self.camera.sees(pixels)
        sample = np.round(2 * (np.nan_to_num(pixels) - corner) + 0.5).astype(int)
        row = np.clip(sample[..., 1], 0, depth.shape[0] - 1)
        column = np.clip(sample[..., 0], 0, depth.shape[1] - 1)
        allowed = scene.motion.scales[:, None] * KEYPOINT_DEPTHS + _SLACK_MM
        return np.asarray(inside & (depth[row, column] >= far - allowed))


def _gain(width: int, height: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Exposure, tint and vignette of a camera, (H, W, 3)."""
    y, x = np.mgrid[:height, :width]
    out = np.hypot((x - width / 2), (y - height / 2)) / np.hypot(width / 2, height / 2)
    tint = rng.uniform(0.95, 1.05) * (1 + rng.uniform(-0.015, 0.015, 3))
    return np.asarray((1 - 0.22 * out**2.4)[..., None] * tint, dtype=np.float32)
