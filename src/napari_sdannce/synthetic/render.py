"""Draw scenes: an image for each camera, and which keypoints it sees."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_sdannce.geometry.camera_rows import camera_rows
from napari_sdannce.synthetic import raster
from napari_sdannce.synthetic.anatomy import KEYPOINT_DEPTHS, STARTS
from napari_sdannce.synthetic.background import SAMPLES, trace_background
from napari_sdannce.synthetic.coat import coat_colours, furriness
from napari_sdannce.synthetic.light import KEY, Body, Shadows, cast_shadows, light_vertices
from napari_sdannce.synthetic.skin import EYE, rat_skin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.geometry import Camera
    from napari_sdannce.synthetic.background import Background
    from napari_sdannce.synthetic.scene import Scene

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Image = npt.NDArray[np.uint8]

_SLACK_MM = 4.0
"""A keypoint counts as seen when the surface before it is no nearer than its depth and this."""

_NOISE_TILE = 256
_MARGIN_PX = 45
_BEYOND_MM = 90.0

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
    visibility: BoolArray
    masks: tuple[Image, ...]


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


def visibility(scene: Scene) -> BoolArray:
    """(V, T, A, K) which keypoints each camera sees; draws the scene for it."""
    return np.stack([frame.visibility for frame in render_scene(scene)], axis=1)


@dataclass(frozen=True, eq=False)
class _Cast:
    """The animals at one moment."""

    bodies: tuple[Body, ...]
    shadows: Shadows
    keypoints: FloatArray
    depths: FloatArray
    """(A, K) how deep each keypoint may lie under the skin, mm."""


class _Studio:
    """A scene with what stays the same between its frames."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.albedo = [coat_colours(coat, scene.seed + i) for i, coat in enumerate(scene.coats)]
        self.fur = furriness()
        self.gloss = (rat_skin().material == EYE).astype(np.float64)
        self.stages = [_Stage(camera, scene, v) for v, camera in enumerate(scene.cameras)]

    def shoot(self, t: int) -> Frame:
        cast = self._cast(t)
        shots = [stage.shoot(cast, t) for stage in self.stages]
        return Frame(
            tuple(image for image, _, _ in shots),
            np.stack([seen for _, seen, _ in shots]),
            tuple(mask for _, _, mask in shots),
        )

    def _cast(self, t: int) -> _Cast:
        motion = self.scene.motion
        bodies = tuple(self._body(t, a) for a in range(motion.n_animals))
        reach = self.scene.arena.radius + _BEYOND_MM
        shadows = cast_shadows(np.concatenate([body.vertices for body in bodies]), reach)
        for body, albedo in zip(bodies, self.albedo, strict=True):
            light_vertices(body, albedo, shadows.lamp, reach)
        depths = motion.scales[:, None] * KEYPOINT_DEPTHS
        return _Cast(bodies, shadows, motion.keypoints[t], depths)

    def _body(self, t: int, animal: int) -> Body:
        skin, motion = rat_skin(), self.scene.motion
        vertices, normals, lit = (np.empty_like(skin.vertices) for _ in range(3))
        matrices = _bone_matrices(
            motion.rotations[t, animal].astype(np.float64),
            motion.origins[t, animal].astype(np.float64),
            float(motion.scales[animal]),
        )
        raster.skin_vertices(skin.vertices, skin.bones, skin.weights, matrices, vertices)
        raster.vertex_normals(vertices, skin.triangles, normals)
        return Body(vertices, normals, lit, self.fur, self.gloss)


@lru_cache(maxsize=2)
def _studio(scene: Scene) -> _Studio:
    return _Studio(scene)


def _bone_matrices(rotations: FloatArray, origins: FloatArray, scale: float) -> FloatArray:
    """(B, 3, 4) that take places at rest to the world."""
    turned = scale * rotations
    moved = origins - np.einsum("bij,bj->bi", turned, STARTS)
    return np.concatenate([turned, moved[:, :, None]], axis=2)


@dataclass(frozen=True, eq=False)
class _Window:
    """The part of an image that animals and their shadows can touch, px."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def pixels(self) -> tuple[slice, slice]:
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def samples(self) -> tuple[slice, slice]:
        return slice(2 * self.top, 2 * self.bottom), slice(2 * self.left, 2 * self.right)


class _Stage:
    """One camera of a scene: its background, exposure and noise."""

    def __init__(self, camera: Camera, scene: Scene, number: int) -> None:
        self.camera = camera
        self.row = camera_rows([camera])
        self.background: Background = trace_background(camera, scene.arena)
        height, width = (n // SAMPLES for n in self.background.depth.shape)
        self.size = (width, height)
        self.empty = np.empty((height, width, 3), dtype=np.float32)
        raster.average_samples(self.background.colour, self.empty)
        self.seed = [scene.seed, number]
        rng = np.random.default_rng([*self.seed, 41])
        self.gain = _gain(width, height, rng)
        tile = rng.standard_normal((_NOISE_TILE, _NOISE_TILE, 3)) * 1.6 * scene.noise
        self.noise = tile.astype(np.float32)

    def shoot(self, cast: _Cast, t: int) -> tuple[Image, BoolArray, Image]:
        """Image (H, W, 3), which keypoints (A, K) are seen, and whose each pixel is (H, W)."""
        window = self._window(cast)
        canvas = self._canvas(cast, window)
        self._draw(cast, window, canvas)
        picture = self.empty.copy()
        shot = np.empty_like(picture[window.pixels])
        raster.average_samples(canvas.colour, shot)
        picture[window.pixels] = shot
        mask = np.zeros(picture.shape[:2], dtype=np.uint8)
        mask[window.pixels] = canvas.owner[::SAMPLES, ::SAMPLES]
        return self._exposed(picture, t), self._sees(cast, window, canvas), mask

    def _window(self, cast: _Cast) -> _Window:
        body = np.concatenate([body.vertices[::7] for body in cast.bodies])
        ground = body - body[:, 2:] * np.array(KEY) / KEY[2]
        pixels = self.camera.project(np.concatenate([body, ground]))
        pixels = pixels[np.isfinite(pixels[:, 0])]
        if not len(pixels):
            return _Window(0, 0, 2, 2)
        width, height = self.size
        low = np.clip(pixels.min(axis=0) - _MARGIN_PX, 0, (width - 2, height - 2))
        high = np.clip(pixels.max(axis=0) + _MARGIN_PX, low + 2, (width, height))
        return _Window(*low.astype(int).tolist(), *high.astype(int).tolist())

    def _canvas(self, cast: _Cast, window: _Window) -> raster.Canvas:
        """The empty arena in the window, with the shadows of the animals."""
        colour = self.background.colour[window.samples].astype(np.float32)
        depth = self.background.depth[window.samples].copy()
        floor = self.background.floor[window.samples]
        ground = self.background.ground[window.pixels]
        raster.darken_floor(floor, ground, cast.shadows.floor, cast.shadows.reach, colour)
        return raster.Canvas(colour, depth, np.zeros(depth.shape, dtype=np.uint8))

    def _draw(self, cast: _Cast, window: _Window, canvas: raster.Canvas) -> None:
        skin = rat_skin()
        corner = (window.left, window.top)
        seen, shaded = np.empty((len(skin.vertices), 3)), np.empty((len(skin.vertices), 4))
        for mark, body in enumerate(cast.bodies, start=1):
            grain = raster.BARE_GRAIN - 0.03 + 0.065 * body.fur
            surface = raster.Surface(skin.triangles, skin.vertices, grain, seen, shaded)
            raster.shade_vertices(self.camera.centre, body, shaded)
            for height, cut in _HAIRS:
                raster.project_vertices(
                    self.row, body.vertices, body.normals, height * body.fur, corner, seen
                )
                raster.draw(surface, raster.STRANDS, cut, canvas, mark)

    def _exposed(self, picture: npt.NDArray[np.float32], t: int) -> Image:
        image = np.empty(picture.shape, dtype=np.uint8)
        rng = np.random.default_rng([*self.seed, t, 43])
        row, column = rng.integers(0, _NOISE_TILE, 2)
        raster.expose(picture, self.gain, self.noise, row, column, image)
        return image

    def _sees(self, cast: _Cast, window: _Window, canvas: raster.Canvas) -> BoolArray:
        """(A, K): inside the image, and nothing but the skin over it before the keypoint."""
        pixels = self.camera.project(cast.keypoints)
        far = self.camera.to_camera_frame(cast.keypoints)[..., 2]
        inside = self.camera.sees(pixels)
        corner = np.array([window.left, window.top])
        sample = np.round(2 * (np.nan_to_num(pixels) - corner) + 0.5).astype(int)
        height, width = canvas.depth.shape
        row, column = np.clip(sample[..., 1], 0, height - 1), np.clip(sample[..., 0], 0, width - 1)
        nearest = canvas.depth[row, column]
        return np.asarray(inside & (nearest >= far - cast.depths - _SLACK_MM))


def _gain(width: int, height: int, rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Exposure, tint and vignette of a camera, (H, W, 3)."""
    y, x = np.mgrid[:height, :width]
    out = np.hypot((x - width / 2), (y - height / 2)) / np.hypot(width / 2, height / 2)
    tint = rng.uniform(0.95, 1.05) * (1 + rng.uniform(-0.015, 0.015, 3))
    return np.asarray((1 - 0.22 * out**2.4)[..., None] * tint, dtype=np.float32)
