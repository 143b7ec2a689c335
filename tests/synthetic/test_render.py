from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_sdannce.geometry import Camera
from napari_sdannce.geometry.distortion import distort
from napari_sdannce.synthetic import Arena, Coat, Motion, Scene, camera_ring, rat_motion
from napari_sdannce.synthetic.arena import EMPTY_ARENA, Box, Pillar
from napari_sdannce.synthetic.background import trace_background
from napari_sdannce.synthetic.behaviour import Role
from napari_sdannce.synthetic.light import cast_shadows
from napari_sdannce.synthetic.render import Frame, render_frame, render_scene, visibility
from napari_sdannce.synthetic.rig import look_at


def _standing(x: float, y: float, heading: float) -> Motion:
    """One rat that stands still at a place."""
    return rat_motion(1, 1, script=(Role((x, y), heading, ()),))


def _from(place: tuple[float, float, float], size: tuple[int, int] = (320, 256)) -> Camera:
    """A camera at a place that looks at the middle of the floor, without distortion."""
    centre = np.array(place)
    rotation = look_at(centre, np.array([0.0, 0, 30]))
    middle = [(size[0] - 1) / 2, (size[1] - 1) / 2]
    focal = 0.9 * size[0] * np.linalg.norm(centre) / 700
    matrix = np.array([[focal, 0, middle[0]], [0, focal, middle[1]], [0, 0, 1]])
    return Camera("Camera1", matrix, rotation, -rotation @ centre, image_size=size)


def test_same_scene_gives_the_same_bytes(scene: Scene) -> None:
    once = render_frame(replace(scene), 7)
    again = render_frame(replace(scene), 7)
    for first, second in zip(once.images, again.images, strict=True):
        assert first.dtype == np.uint8
        assert first.tobytes() == second.tobytes()
    assert np.array_equal(once.visibility, again.visibility)


def test_another_seed_gives_other_noise(scene: Scene) -> None:
    other = render_frame(replace(scene, seed=scene.seed + 50), 7)
    same = render_frame(scene, 7)
    assert (other.images[0] != same.images[0]).mean() > 0.3
    assert np.array_equal(other.masks[0], same.masks[0])


def test_keypoints_that_are_seen_lie_in_the_animal(scene: Scene, frame: Frame) -> None:
    for v, camera in enumerate(scene.cameras):
        pixels = np.round(camera.project(scene.motion.keypoints[7])).astype(int)
        for a in range(2):
            for k in np.flatnonzero(frame.visibility[v, a]):
                x, y = pixels[a, k]
                near = frame.masks[v][max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2]
                assert (near == a + 1).any(), (v, a, k)


def test_each_view_sees_some_and_not_all(frame: Frame) -> None:
    assert frame.visibility.shape == (3, 2, 23)
    share = frame.visibility.mean(axis=2)
    assert (share > 0.1).all()
    assert (share < 0.95).all()
    # the far side of an animal is hidden from a view, seen from another
    assert frame.visibility.any(axis=0).mean() > 0.6


def test_a_pillar_hides_what_is_behind_it() -> None:
    motion, camera = _standing(-80.0, 0.0, 0.0), _from((0.0, -700.0, 260.0))
    bare = Scene((camera,), motion, (Coat.AGOUTI,), EMPTY_ARENA, noise=0)
    free = render_frame(bare, 0)
    place = motion.keypoints[0, 0, 7]  # left shoulder: the far one; the right is nearer
    right = motion.keypoints[0, 0, 11]
    assert not free.visibility[0, 0, 7]
    assert free.visibility[0, 0, 11]
    wall = Pillar((float(right[0]), float(right[1]) - 120), 30.0, 150.0)
    hidden = render_frame(replace(bare, arena=Arena(boxes=(), pillars=(wall,))), 0)
    assert not hidden.visibility[0, 0, 11]
    x, y = np.round(camera.project(right)).astype(int)
    assert free.masks[0][y, x] == 1
    assert hidden.masks[0][y, x] == 0
    # what stands beside the pillar stays seen
    assert hidden.visibility[0, 0, 6] == free.visibility[0, 0, 6]
    assert place[1] > right[1]


def test_a_box_behind_the_animal_hides_nothing() -> None:
    motion, camera = _standing(-80.0, 0.0, 0.0), _from((0.0, -700.0, 260.0))
    bare = Scene((camera,), motion, (Coat.AGOUTI,), EMPTY_ARENA, noise=0)
    behind = Arena(boxes=(Box((20.0, 150.0), (60.0, 30.0), 60.0),), pillars=())
    free, seen = render_frame(bare, 0), render_frame(replace(bare, arena=behind), 0)
    assert np.array_equal(free.visibility, seen.visibility)
    assert np.array_equal(free.masks[0], seen.masks[0])


def test_the_nearer_animal_covers_the_other() -> None:
    script = (Role((-90.0, -60.0), 0.0, ()), Role((-90.0, 60.0), 0.0, ()))
    motion = rat_motion(1, 2, script=script)
    front, back = _from((0.0, -700.0, 160.0)), _from((0.0, 700.0, 160.0))
    cameras = (front, replace(back, name="Camera2"))
    frame = render_frame(Scene(cameras, motion, (Coat.BLACK, Coat.ALBINO), EMPTY_ARENA), 0)
    area = np.array([[(mask == 1).sum(), (mask == 2).sum()] for mask in frame.masks])
    assert area[0, 0] > 1.2 * area[0, 1]
    assert area[1, 1] > 1.2 * area[1, 0]
    assert frame.visibility[0, 0].sum() > frame.visibility[0, 1].sum()


def test_keypoints_outside_the_image_are_not_seen() -> None:
    motion = _standing(-80.0, 0.0, 0.0)
    camera = _from((0.0, -700.0, 260.0))
    half = camera.cropped(0, 0, 160, 256)
    full = render_frame(Scene((camera,), motion, (Coat.NONE,), EMPTY_ARENA), 0)
    part = render_frame(Scene((half,), motion, (Coat.NONE,), EMPTY_ARENA), 0)
    outside = camera.project(motion.keypoints[0, 0])[:, 0] > 160
    assert (full.visibility[0, 0] & outside).any()
    assert not part.visibility[0, 0, outside].any()
    assert np.array_equal(part.visibility[0, 0, ~outside], full.visibility[0, 0, ~outside])


@pytest.mark.parametrize("coat", [Coat.ALBINO, Coat.BLACK])
def test_an_animal_has_its_coats_colour(coat: Coat) -> None:
    motion, camera = _standing(-80.0, 0.0, 0.5), _from((300.0, -500.0, 500.0))
    frame = render_frame(Scene((camera,), motion, (coat,), EMPTY_ARENA), 0)
    x, y = np.round(camera.project(motion.keypoints[0, 0, 4])).astype(int)  # middle of the back
    level = frame.images[0][y - 2 : y + 3, x - 2 : x + 3].mean()
    assert level > 170 if coat is Coat.ALBINO else level < 90


def test_unmarked_animals_look_alike() -> None:
    motion = rat_motion(1, 2, seed=1)
    cameras = camera_ring(2, image_size=(320, 256))
    frame = render_frame(Scene(cameras, motion, (Coat.NONE, Coat.NONE)), 0)
    one, other = (frame.images[0][frame.masks[0] == a].mean(axis=0) for a in (1, 2))
    assert np.abs(one - other).max() < 12


def test_animals_cast_shadows_on_the_floor(scene: Scene) -> None:
    pile = np.random.default_rng(0).uniform((-20, -20, 5), (20, 20, 60), (6000, 3))
    shadows = cast_shadows(pile, 150.0)
    middle, edge = shadows.floor.shape[0] // 2, 3
    assert shadows.floor[middle, middle] < 0.7
    assert shadows.floor[edge, edge] > 0.99
    # the lamp is to the right of the animal, so its shadow falls to the left
    left, right = shadows.floor[middle, : middle - 8], shadows.floor[middle, middle + 9 :]
    assert (1 - left).sum() > 1.2 * (1 - right).sum()


def test_background_depth_is_the_planes() -> None:
    camera = camera_ring(2, image_size=(160, 128), seed=3)[0]
    background = trace_background(camera, EMPTY_ARENA)
    rows, columns = np.nonzero(background.floor)
    keep = np.random.default_rng(0).choice(len(rows), 300, replace=False)
    rows, columns = rows[keep], columns[keep]
    pixels = np.stack([columns / 2 - 0.25, rows / 2 - 0.25], axis=1)
    along = camera.rays(pixels)
    depth = background.depth[rows, columns] / (along @ camera.rotation[2])
    places = camera.centre + depth[:, None] * along
    assert np.abs(places[:, 2]).max() < 0.01
    assert np.linalg.norm(places[:, :2], axis=1).max() < EMPTY_ARENA.radius + 0.01
    # the ground map says the same in the middle of the pixel
    x, y = 80, 70
    seen = camera.project([*background.ground[y, x], 0.0])
    assert np.allclose(seen, [x, y], atol=1e-3)


def test_nothing_is_drawn_beyond_the_lens() -> None:
    """An animal far off the axis, which the polynomial alone would fold into the image."""
    straight = _from((0.0, -250.0, 120.0))
    camera = replace(straight, radial=np.array([-0.8, 0.0]))
    motion = _standing(-230.0, -150.0, 1.6)
    ideal = straight.to_normalised(straight.project(motion.keypoints[0, 0]))
    assert np.linalg.norm(ideal, axis=1).min() > camera.reach
    bent = camera.to_pixels(distort(ideal, camera.radial3, camera.tangential))
    assert camera.sees(bent).any()
    frame = render_frame(Scene((camera,), motion, (Coat.ALBINO,), EMPTY_ARENA, noise=0), 0)
    assert not frame.masks[0].any()
    assert not frame.visibility.any()
    narrow = trace_background(replace(camera, radial=np.array([-2.0, 0.0])), EMPTY_ARENA)
    assert (narrow.colour[0, 0] == 0).all()
    assert not narrow.floor[0, 0]


def test_fisheyes_see_floor_and_animals_where_they_project() -> None:
    """The whole arena in one image, the rim 60 degrees and more off the axis."""
    straight = _from((60.0, -90.0, 190.0))
    matrix = np.array([[110.0, 0, 160], [0, 110, 128], [0, 0, 1]])
    lens = np.array([0.03, -0.012, 0.006, -0.002])
    camera = replace(straight, matrix=matrix, radial=lens, fisheye=True)
    background = trace_background(camera, EMPTY_ARENA)
    rows, columns = np.nonzero(background.floor)
    pixels = np.stack([columns / 2 - 0.25, rows / 2 - 0.25], axis=1)
    along = camera.rays(pixels)
    cosine = along @ camera.rotation[2]
    assert cosine.min() < 0.5
    places = camera.centre + (background.depth[rows, columns] / cosine)[:, None] * along
    assert np.abs(places[:, 2]).max() < 0.02
    motion = _standing(-80.0, 60.0, 0.3)
    scene = Scene((camera,), motion, (Coat.ALBINO,), EMPTY_ARENA, noise=0)
    frame = render_frame(scene, 0)
    assert frame.masks[0].any()
    seen = camera.project(motion.keypoints[0, 0])[frame.visibility[0, 0]]
    assert len(seen) > 5
    x, y = np.rint(seen).astype(int).T
    assert (frame.masks[0][y, x] > 0).mean() > 0.8


def test_a_camera_that_looks_away_sees_no_animal() -> None:
    motion, camera = _standing(-80.0, 0.0, 0.0), _from((0.0, -700.0, 260.0))
    turned = np.diag([-1.0, 1, -1]) @ camera.rotation
    away = replace(camera, rotation=turned, translation=-turned @ camera.centre)
    frame = render_frame(Scene((away,), motion, (Coat.AGOUTI,), EMPTY_ARENA), 0)
    assert not frame.masks[0].any()
    assert not frame.visibility.any()


@pytest.mark.parametrize("n", [2, 12])
def test_any_number_of_cameras(n: int) -> None:
    cameras = camera_ring(n, image_size=(96, 80))
    scene = Scene(cameras, rat_motion(2, 1), (Coat.AGOUTI,))
    frames = list(render_scene(scene))
    assert len(frames) == 2
    assert all(image.shape == (80, 96, 3) for image in frames[0].images)
    assert visibility(scene).shape == (n, 2, 1, 23)
    assert all((mask == 1).sum() > 20 for mask in frames[0].masks)


def test_what_cannot_be_drawn_is_refused(scene: Scene) -> None:
    with pytest.raises(IndexError, match="20 frames"):
        render_frame(scene, 20)
    with pytest.raises(ValueError, match="1 coats for 2"):
        replace(scene, coats=(Coat.NONE,))
    unsized = replace(scene, cameras=(replace(scene.cameras[0], image_size=None),))
    with pytest.raises(ValueError, match="image size"):
        render_frame(unsized, 0)
