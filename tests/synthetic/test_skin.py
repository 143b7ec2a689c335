from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.synthetic.anatomy import ENDS, N_BONES, STARTS
from napari_sdannce.synthetic.coat import Coat, coat_colours
from napari_sdannce.synthetic.flesh import blended, body_distance
from napari_sdannce.synthetic.meshing import Mesh, ball, surface_net, tube
from napari_sdannce.synthetic.skin import FUR, rat_skin


def _volume(mesh: Mesh) -> float:
    """Volume inside a closed mesh whose triangles face outwards (divergence theorem)."""
    a, b, c = (mesh.vertices[mesh.triangles[:, k]] for k in range(3))
    return float((np.cross(a, b) * c).sum() / 6)


def _edges_of_one_triangle(triangles: np.ndarray) -> int:
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    _, counts = np.unique(np.sort(pairs, axis=1), axis=0, return_counts=True)
    return int((counts == 1).sum())


def test_net_of_a_sphere_is_the_sphere() -> None:
    def sphere(points: np.ndarray) -> np.ndarray:
        return np.linalg.norm(points - [1.0, 2, 3], axis=-1) - 10

    mesh = surface_net(sphere, np.array([-12.0, -12, -12]), np.array([14.0, 14, 16]), 1.3)
    assert np.abs(np.linalg.norm(mesh.vertices - [1, 2, 3], axis=1) - 10).max() < 1e-3
    assert _volume(mesh) == pytest.approx(4 / 3 * np.pi * 1000, rel=0.02)
    assert _edges_of_one_triangle(mesh.triangles) == 0


def test_tubes_and_balls_are_closed_and_face_outwards() -> None:
    line = np.column_stack([np.linspace(0, 10, 11), np.zeros(11), np.zeros(11)])
    pipe = tube(line, np.full(11, 2.0), 40)
    assert _volume(pipe) == pytest.approx(np.pi * 4 * 10, rel=0.01)
    egg = ball(np.array([5.0, 0, 0]), np.array([1.0, 2, 3]), 20, 30)
    assert _volume(egg) == pytest.approx(4 / 3 * np.pi * 6, rel=0.05)
    assert _edges_of_one_triangle(pipe.triangles) == _edges_of_one_triangle(egg.triangles) == 0


def test_blended_union_is_smooth_and_holds_both() -> None:
    a = np.linspace(-5, 5, 200)
    union = blended(a, -a, 4.0)
    assert (union <= np.minimum(a, -a)).all()
    assert np.abs(np.diff(union, 2)).max() < 0.01
    assert union[0] == -5


def test_skin_is_one_body_over_its_bones() -> None:
    skin = rat_skin()
    assert 3000 < len(skin.vertices) < 12_000
    assert _edges_of_one_triangle(skin.triangles) == 0
    assert np.allclose(skin.weights.sum(axis=1), 1)
    assert skin.bones.min() >= 0
    assert skin.bones.max() < N_BONES
    # the flesh holds every bone of trunk and limbs
    middles = (STARTS + ENDS)[:19] / 2
    assert (body_distance(middles) < 0).all()
    # every vertex is carried by a bone that is near
    bone = skin.bones[np.arange(len(skin.bones)), skin.weights.argmax(axis=1)]
    along = ENDS[bone] - STARTS[bone]
    share = ((skin.vertices - STARTS[bone]) * along).sum(axis=1) / (along**2).sum(axis=1)
    nearest = STARTS[bone] + np.clip(share, 0, 1)[:, None] * along
    assert np.linalg.norm(skin.vertices - nearest, axis=1).max() < 75


def test_skin_stands_on_the_floor_and_is_as_big_as_a_rat() -> None:
    skin = rat_skin()
    low, high = skin.vertices.min(axis=0), skin.vertices.max(axis=0)
    assert -0.5 < low[2] < 1.5
    assert high[2] < 85
    assert high[0] - low[0] > 400  # with the tail
    fur = skin.vertices[skin.material == FUR]
    assert np.ptp(fur[:, 1]) == pytest.approx(84, abs=10)  # over the knees
    assert np.abs(fur[:, 1].max() + fur[:, 1].min()) < 1


def test_coats_can_be_told_apart() -> None:
    fur = rat_skin().material == FUR
    mean = {coat: coat_colours(coat, 0)[fur].mean() for coat in Coat}
    assert mean[Coat.ALBINO] > mean[Coat.HOODED] + 40
    assert mean[Coat.HOODED] > mean[Coat.BLACK] + 40
    first, again, other = (coat_colours(Coat.HOODED, seed) for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert np.abs(first - other).max() > 50
