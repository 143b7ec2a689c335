"""Skeletons: the built-in ones, what makes one, and its YAML form."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.skeletons import (
    Skeleton,
    builtin_skeletons,
    load_skeleton,
    pairs_by_name,
    read_skeleton_yaml,
    write_skeleton_yaml,
)

LABEL3D = {  # keypoints, edges
    "bird18": (18, 18), "box": (9, 13), "com": (1, 1), "jesse_skeleton": (20, 21),
    "jesse_skeleton_paws": (26, 27), "mouse22": (22, 24), "rat16": (16, 16), "rat23": (23, 23),
    "rat25": (25, 25),
}  # fmt: skip
OWN = {"rat7m": (20, 21), "mouse14": (14, 14)}


def test_builtin_ones_are_all_there():
    assert builtin_skeletons() == tuple(sorted(LABEL3D | OWN))


@pytest.mark.parametrize(("name", "size"), (LABEL3D | OWN).items())
def test_builtin_sizes(name, size):
    skeleton = load_skeleton(name)
    assert skeleton.name == name
    assert (len(skeleton.keypoints), len(skeleton.edges)) == size
    assert not skeleton.colors or len(skeleton.colors) == size[1]


def test_edges_keep_their_order():
    """Limb priors and graph networks follow it."""
    rat = load_skeleton("rat23")
    assert rat.keypoints[:4] == ("Snout", "EarL", "EarR", "SpineF")
    assert rat.edges[:7] == ((0, 1), (0, 2), (0, 3), (1, 2), (3, 4), (3, 7), (3, 11))
    assert rat.edges[-1] == (21, 22)
    mouse = load_skeleton("mouse22")
    assert mouse.edges[:4] == ((0, 1), (1, 2), (0, 2), (0, 3))
    # hsv(24): from red round to red
    assert mouse.colors[0] == pytest.approx((1, 0, 0, 0.5))
    assert mouse.colors[-1] == pytest.approx((1, 0, 0, 0.5))
    np.testing.assert_allclose(rat.colors[0], [0.5611298, 0.77284034, 0.87049148, 0.75])


@pytest.mark.parametrize("name", builtin_skeletons())
def test_a_mirror_twice_is_nothing(name):
    order = np.array(load_skeleton(name).swapped())
    np.testing.assert_array_equal(order[order], np.arange(len(order)))


@pytest.mark.parametrize("name", ["rat23", "rat25", "mouse22", "rat16", "mouse14", "bird18"])
def test_pairs_hold_every_left_and_right(name):
    skeleton = load_skeleton(name)
    paired = {end for pair in skeleton.pairs for end in pair}
    middle = [key for i, key in enumerate(skeleton.keypoints) if i not in paired]
    middle = [key for key in middle if not key.startswith("Spine")]  # SpineL is its lower end
    assert skeleton.pairs
    assert not any(key.endswith(("L", "R")) or key.startswith(("left", "right")) for key in middle)


def test_bones_leave_out_edges_that_only_carry_a_colour():
    bird = load_skeleton("bird18")
    assert (7, 7) in bird.edges
    assert len(bird.bones) == len(bird.bone_colors) == 17
    assert load_skeleton("com").bones == ()
    plain = Skeleton("two", ("a", "b"), ((0, 1),))
    assert plain.bone_colors == ((0.7, 0.7, 0.7, 1.0),)
    assert plain.keypoint_colors == ((0.7, 0.7, 0.7, 1.0),) * 2
    assert len(bird.keypoint_colors) == 18


@pytest.mark.parametrize("name", ["rat23", "rat23.mat", "skeletons/rat23.mat", "rat23.yaml"])
def test_names_of_the_builtin(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_skeleton(name) is not None
    assert load_skeleton(name).name == "rat23"


def test_unknown_names_list_the_known():
    with pytest.raises(FileNotFoundError, match=r"rat24.*mouse22"):
        load_skeleton("rat24")


@pytest.mark.parametrize("name", builtin_skeletons())
def test_yaml_and_back(tmp_path, name):
    skeleton = load_skeleton(name)
    path = tmp_path / "x.yaml"
    write_skeleton_yaml(skeleton, path)
    assert read_skeleton_yaml(path) == skeleton
    assert load_skeleton(path) == skeleton


def test_names_that_yaml_would_take_for_something_else(tmp_path):
    skeleton = Skeleton("yes", ("no", "1", "null", "a: b", "Ö"), ((0, 1), (3, 4)))
    write_skeleton_yaml(skeleton, tmp_path / "x.yaml")
    assert read_skeleton_yaml(tmp_path / "x.yaml") == skeleton


@pytest.mark.parametrize(
    "text",
    [
        "keypoints: [a, a]",
        "keypoints: []",
        "keypoints: 3",
        "keypoints: [a, b]\nedges: [[a, c]]",
        "keypoints: [a, b]\nedges: [[a]]",
        "keypoints: [a, b]\nedges: [[a, b]]\ncolors: [[2, 0, 0]]",
        "keypoints: [a, b]\nedges: [[a, b]]\ncolors: [red]",
        "keypoints: [a, b]\nedges: 5",
        "keypoints: [a, b]\nbones: []",
        "[a, b]",
        "{",
    ],
)
def test_what_is_no_skeleton(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.yaml"):
        read_skeleton_yaml(path)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"keypoints": ()}, "no keypoints"),
        ({"keypoints": ("a", "a")}, "repeat"),
        ({"edges": ((0, 2),)}, r"edge \(0, 2\)"),
        ({"pairs": ((0, -1),)}, "pair"),
        ({"edges": ((0, 1),), "colors": ((0.0, 0, 0, 1),) * 2}, "2 colours for 1 edges"),
    ],
)
def test_what_does_not_fit(fields, match):
    with pytest.raises(ValueError, match=match):
        Skeleton(**{"name": "x", "keypoints": ("a", "b"), **fields})


def test_pairs_by_name():
    names = ("EarL", "EarR", "left_paw", "right_paw", "ShoulderL2", "ShoulderR2", "Leg", "Reg")
    assert pairs_by_name(names) == ((0, 1), (2, 3), (4, 5))


def test_index_names_what_there_is():
    rat = load_skeleton("rat23")
    assert rat.index("EarR") == 2
    with pytest.raises(ValueError, match=r"Beak.*Snout"):
        rat.index("Beak")
    assert rat.renamed("mine").name == "mine"
