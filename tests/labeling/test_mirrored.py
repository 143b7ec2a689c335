"""Left and right exchanged in some views of a scene with known answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.labeling import commands
from napari_sdannce.labeling.commands import By
from napari_sdannce.labeling.frame_labels import FrameLabels
from napari_sdannce.labeling.mirrored import MirrorSettings, find_mirrored

from .conftest import SKELETON

if TYPE_CHECKING:
    from collections.abc import Callable

    from .conftest import Scene

ANNA = By(0, 1.5e9)
FINS = SKELETON.pairs[0]


def clicked(scene: Scene, noise_px: float = 1.0, seed: int = 0) -> FrameLabels:
    """Clicks on everything in every view, a little beside."""
    rng = np.random.default_rng(seed)
    labels = FrameLabels.empty(*scene.subject.shape)
    for cell in np.ndindex(labels.shape):
        pixel = scene.pixels[cell] + rng.normal(0, noise_px, 2)
        labels = commands.place(labels, *cell, pixel, ANNA)
    return labels


def swapped(labels: FrameLabels, views: tuple[int, ...], animal: int = 0) -> FrameLabels:
    for view in views:
        labels = commands.swap_left_right(labels, SKELETON.swapped(), view, animal)
    return labels


@pytest.mark.parametrize(
    ("n_views", "wrong"), [(3, (0,)), (3, (2,)), (5, (1,)), (5, (1, 4)), (6, (0, 3)), (12, (5, 6))]
)
def test_the_views_that_are_exchanged_are_found(
    scene_of: Callable[[int], Scene], n_views: int, wrong: tuple[int, ...]
) -> None:
    scene = scene_of(n_views)
    labels = swapped(clicked(scene), wrong, animal=1)
    found = find_mirrored(labels, scene.cameras, SKELETON.pairs)
    assert [(each.view, each.animal, each.pair) for each in found] == [(v, 1, FINS) for v in wrong]
    for each in found:
        assert each.exchanged_px < 4
        assert each.error_px > each.exchanged_px + 10
    # what it says helps: exchanged again, nothing is found
    again = swapped(labels, tuple(each.view for each in found), animal=1)
    assert find_mirrored(again, scene.cameras, SKELETON.pairs) == ()


def test_good_clicks_and_a_wrong_one_are_not_mirrored(scene: Scene) -> None:
    labels = clicked(scene, noise_px=3.0)
    assert find_mirrored(labels, scene.cameras, SKELETON.pairs) == ()
    cell = (2, 0, FINS[0])
    labels = commands.place(labels, *cell, scene.pixels[cell] + (150, -90), ANNA)
    assert find_mirrored(labels, scene.cameras, SKELETON.pairs) == ()


def test_one_of_the_two_clicked_under_the_name_of_the_other(scene: Scene) -> None:
    left, right = FINS
    labels = commands.clear(clicked(scene), 3, 0, [left, right])
    labels = commands.place(labels, 3, 0, left, scene.pixels[3, 0, right], ANNA)
    found = find_mirrored(labels, scene.cameras, SKELETON.pairs)
    assert [(each.view, each.animal) for each in found] == [(3, 0)]


@pytest.mark.parametrize(("n_views", "wrong"), [(2, (0,)), (4, (1, 2)), (5, (0, 1, 2, 3, 4))])
def test_nothing_is_said_where_nothing_can_be_told(
    scene_of: Callable[[int], Scene], n_views: int, wrong: tuple[int, ...]
) -> None:
    scene = scene_of(n_views)
    labels = swapped(clicked(scene), wrong)
    assert find_mirrored(labels, scene.cameras, SKELETON.pairs) == ()


def test_proposals_and_uncalibrated_views_do_not_count(scene: Scene) -> None:
    wrong = scene.pixels.copy()
    wrong[1][..., FINS, :] = wrong[1][..., FINS[::-1], :]
    empty = FrameLabels.empty(*scene.subject.shape)
    assert find_mirrored(empty, scene.cameras, SKELETON.pairs) == ()
    proposed = commands.propose(empty, wrong, ANNA)
    assert find_mirrored(proposed, scene.cameras, SKELETON.pairs) == ()
    cameras = (None, *scene.cameras[1:])
    found = find_mirrored(swapped(clicked(scene), (0, 1)), cameras, SKELETON.pairs)
    assert [each.view for each in found] == [1]


def test_left_and_right_that_lie_together_cannot_be_told_apart(scene: Scene) -> None:
    labels = swapped(clicked(scene), (1,))
    strict = MirrorSettings(least_px=1e4)
    assert find_mirrored(labels, scene.cameras, SKELETON.pairs, strict) == ()
    with pytest.raises(ValueError, match="shares must be between 0 and 1"):
        MirrorSettings(lowered=1.0)
