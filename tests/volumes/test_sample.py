"""Volumes on numbers of our own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from napari_sdannce.geometry import Camera
from napari_sdannce.volumes import (
    VolumeSampler,
    VoxelGrid,
    fill_volume,
    fill_volumes,
    normalise,
)

LINEAR = ["linear", "reference-linear"]


def ramp(width: int, height: int, across: float, down: float) -> np.ndarray:
    """Grey image whose level is a linear function of the pixel."""
    rows, columns = np.mgrid[:height, :width]
    return (across * columns + down * rows + 3).astype(np.uint8)


def sampler(camera: Camera, grid: VoxelGrid, how: str, dtype: type = np.uint8) -> VolumeSampler:
    return VolumeSampler((camera,), grid, how, dtype=dtype)


def test_nearest_takes_the_pixel_the_voxel_projects_to(camera) -> None:
    image = np.random.default_rng(0).integers(0, 256, (31, 41, 3), dtype=np.uint8)
    volume = fill_volume([image], [camera], (2, -3, 100), size=5, voxels=5)
    assert volume.shape == (5, 5, 5, 3)
    # the middle layer lies 100 mm away: x = -0..4 mm is column 20..24, y = -5..-1 is row 10..14
    np.testing.assert_array_equal(volume[:, :, 2], image[10:15, 20:25])


def test_half_way_goes_to_the_even_pixel(camera) -> None:
    image = ramp(41, 31, 5, 0)
    voxels = fill_volume([image], [camera], (0.5, 0, 100), size=2, voxels=2)
    # depth 99.5: x of -0.5 + 0.5 = 0 and 1 mm are column 20 and 21.005
    assert voxels[0, :, 0, 0].tolist() == [103, 108]
    depth = 100 + 0.5  # one voxel: its centre is the volume's
    for mm, column in [(0.5, 20), (1.5, 22), (2.5, 22), (-0.5, 20), (-1.5, 18)]:
        com = (mm * depth / 100, 0, depth)
        assert fill_volume([image], [camera], com, size=1, voxels=1).item() == 5 * column + 3


def test_outside_repeats_the_border(camera) -> None:
    image = ramp(41, 31, 1, 5)
    volume = fill_volume([image], [camera], (0, 0, 100), size=400, voxels=4)[..., 0]
    # in the layer 50 mm away the voxels at x, y = -150, -50, 50, 150 all lie outside
    corners = [[3, 3, 43, 43], [3, 3, 43, 43], [153, 153, 193, 193], [153, 153, 193, 193]]
    assert volume[:, :, 2].tolist() == corners


def test_depth_zero_is_no_crash(camera) -> None:
    volume = fill_volume([ramp(41, 31, 1, 1)], [camera], (0, 0, 0), size=3, voxels=3)
    assert volume.shape == (3, 3, 3, 1)


def test_linear_is_exact_on_a_ramp(camera) -> None:
    grid = VoxelGrid(12.3, 9)
    com = (1.3, -2.2, 97.0)
    values = sampler(camera, grid, "linear", np.float32).fill([ramp(41, 31, 2, 4)], [com])
    assert values.dtype == np.float32
    pixels = camera.project(grid.points(com))
    expected = 2 * pixels[:, 0] + 4 * pixels[:, 1] + 3
    np.testing.assert_allclose(values.ravel(), expected, atol=2e-4)


def test_linear_is_exact_on_a_ramp_through_a_lens() -> None:
    matrix = np.array([[90.0, 3, 30], [0, 95, 25], [0, 0, 1]])
    turn = np.array([[0.36, 0.48, -0.8], [-0.8, 0.6, 0], [0.48, 0.64, 0.6]])
    camera = Camera("a", matrix, turn, [0, 0, 200], [-0.3, 0.2, 0.1], [0.02, -0.01])
    grid, com = VoxelGrid(60, 12), (4.0, -3.0, 6.0)
    values = sampler(camera, grid, "linear", np.float32).fill([ramp(61, 51, 2, 1)], [com])
    pixels = camera.project(grid.points(com))
    inside = (pixels >= 0).all(axis=1) & (pixels <= [60, 50]).all(axis=1)
    assert inside.mean() > 0.9
    expected = pixels @ [2, 1] + 3
    np.testing.assert_allclose(values.ravel()[inside], expected[inside], atol=5e-4)


def test_linear_mixes_four_pixels_and_rounds_to_nearest(camera) -> None:
    image = np.zeros((31, 41), np.uint8)
    image[15, 21] = 200
    for mm, share in [(0.25, 0.25), (0.75, 0.75), (1.25, 0.75)]:
        value = fill_volume(
            [image], [camera], (mm, 0.5, 100), size=1, voxels=1, interpolation="linear"
        )
        assert value.item() == share * 0.5 * 200
    image[15, 21] = 3
    for mm, level in [(0.16, 0), (0.17, 1), (0.49, 1), (0.51, 2)]:
        volume = fill_volume(
            [image], [camera], (mm, 0, 100), size=1, voxels=1, interpolation="linear"
        )
        assert volume.item() == level
        assert volume.dtype == np.uint8


def test_linear_clamps_at_the_border(camera) -> None:
    image = ramp(41, 31, 1, 5)
    volume = fill_volume(
        [image], [camera], (0, 0, 100), size=400, voxels=4, interpolation="linear"
    )[..., 0]
    corners = [[3, 3, 43, 43], [3, 3, 43, 43], [153, 153, 193, 193], [153, 153, 193, 193]]
    assert volume[:, :, 2].tolist() == corners


def test_reference_linear_has_defect_d5(camera) -> None:
    """An impulse at (2, 1) asked at (1.75, 1) gives 0 where it should give three quarters."""
    image = np.zeros((31, 41), np.uint8)
    image[1, 2] = 100
    com = (1.75 - 20, 1 - 15, 100)

    def value(how):
        one = fill_volume([image], [camera], com, size=1, voxels=1, interpolation=how)
        return one.item()

    assert value("linear") == 75
    assert value("reference-linear") == 0


def test_reference_linear_cuts_off_the_fraction(camera) -> None:
    image = np.full((31, 41), 9, np.uint8)
    image[:, 21] = 10  # swapped weights: the row below answers for the column to the right
    image[16, 20] = 10
    com = (0.9, 0.0, 100)
    how = {"size": 1, "voxels": 1}
    assert fill_volume([image], [camera], com, **how, interpolation="linear").item() == 10
    assert fill_volume([image], [camera], com, **how, interpolation="reference-linear").item() == 9


@pytest.mark.parametrize("how", LINEAR)
def test_an_image_of_one_pixel(how, camera) -> None:
    one = replace(camera, image_size=None)
    volume = fill_volume(
        [np.full((1, 1), 77, np.uint8)], [one], (0, 0, 100), size=9, voxels=3, interpolation=how
    )
    assert (volume == 77).all()


def test_channels_are_camera_by_camera(views) -> None:
    cameras, images = views
    both = fill_volume(images, cameras, (1, 2, 3), size=60, voxels=8)
    assert both.shape == (8, 8, 8, 9)
    for i in range(3):
        one = fill_volume(images[i : i + 1], cameras[i : i + 1], (1, 2, 3), size=60, voxels=8)
        np.testing.assert_array_equal(both[..., 3 * i : 3 * i + 3], one)


def test_several_animals(views) -> None:
    cameras, images = views
    coms = np.array([[0, 0, 0], [20, -10, 5.0], [3, 3, 3]])
    together = fill_volumes(images, cameras, coms, size=50, voxels=6)
    assert together.shape == (3, 6, 6, 6, 9)
    for volume, com in zip(together, coms, strict=True):
        np.testing.assert_array_equal(volume, fill_volume(images, cameras, com, size=50, voxels=6))
    assert fill_volumes(images, cameras, np.empty((0, 3)), voxels=6).shape == (0, 6, 6, 6, 9)


def test_grey_images_have_one_channel(views) -> None:
    cameras, images = views
    grey = [image[..., 1] for image in images]
    volume = fill_volume(grey, cameras, (0, 0, 0), size=50, voxels=6)
    colour = fill_volume(images, cameras, (0, 0, 0), size=50, voxels=6)
    np.testing.assert_array_equal(volume, colour[..., 1::3])


def test_mono_is_the_luminance(views) -> None:
    cameras, images = views
    mono = fill_volume(images, cameras, (0, 0, 0), size=50, voxels=6, mono=True)
    colour = fill_volume(images, cameras, (0, 0, 0), size=50, voxels=6).astype(float)
    red, green, blue = colour[..., 0::3], colour[..., 1::3], colour[..., 2::3]
    assert mono.dtype == np.float32
    np.testing.assert_allclose(mono, 0.2125 * red + 0.7154 * green + 0.0721 * blue, atol=1e-4)
    grey = fill_volume([image[..., 0] for image in images], cameras, (0, 0, 0), voxels=6, mono=True)
    assert grey.shape == (6, 6, 6, 3)


def test_cropped_images_with_cropped_cameras(views) -> None:
    cameras, images = views
    whole = fill_volume(images, cameras, (0, 0, 0), size=30, voxels=10)
    cropped = fill_volume(
        [image[10:110, 5:85] for image in images],
        [camera.cropped(5, 10, 80, 100) for camera in cameras],
        (0, 0, 0),
        size=30,
        voxels=10,
    )
    points = VoxelGrid(30, 10).points((0, 0, 0))
    for i, camera in enumerate(cameras):
        pixels = camera.project(points)
        inside = ((pixels > [5, 10]) & (pixels < [84, 109])).all(axis=1).reshape(10, 10, 10)
        part = slice(3 * i, 3 * i + 3)
        np.testing.assert_array_equal(whole[inside][:, part], cropped[inside][:, part])
        assert inside.any()


def test_a_camera_without_this_frame_is_black(views) -> None:
    cameras, images = views
    volume = fill_volume([images[0], None, images[2]], cameras, (0, 0, 0), size=50, voxels=6)
    assert (volume[..., 3:6] == 0).all()
    whole = fill_volume(images, cameras, (0, 0, 0), size=50, voxels=6)
    np.testing.assert_array_equal(volume[..., [0, 1, 2, 6, 7, 8]], whole[..., [0, 1, 2, 6, 7, 8]])


@pytest.mark.parametrize("how", ["nearest", *LINEAR])
def test_threads_and_layout_of_images_do_not_matter(how, views) -> None:
    cameras, images = views
    odd = [np.asfortranarray(image) for image in images]
    odd[0].flags.writeable = False
    grid, coms = VoxelGrid(50, 11), [(0, 0, 0), (9, 9, 9)]
    one = VolumeSampler(cameras, grid, how, threads=1).fill(images, coms)
    three = VolumeSampler(cameras, grid, how, threads=3).fill(odd, coms)
    np.testing.assert_array_equal(one, three)


def test_normalise() -> None:
    levels = normalise(np.array([0, 51, 255], np.uint8))
    assert levels.dtype == np.float32
    np.testing.assert_allclose(levels, [-1, -0.6, 1], atol=1e-7)


def test_what_does_not_fit_is_named(camera, views) -> None:
    cameras, images = views
    with pytest.raises(ValueError, match="2 images for 3 cameras"):
        fill_volume(images[:2], cameras, (0, 0, 0))
    with pytest.raises(ValueError, match="'above': the image is 41 x 30 px, the calibration is"):
        fill_volume([np.zeros((30, 41), np.uint8)], [camera], (0, 0, 0))
    with pytest.raises(ValueError, match=r"'above': images are .* float64"):
        fill_volume([np.zeros((31, 41))], [camera], (0, 0, 0))
    with pytest.raises(ValueError, match="same number of channels"):
        fill_volume([images[0], images[1][..., 0], images[2]], cameras, (0, 0, 0))
    with pytest.raises(ValueError, match="NaN"):
        fill_volume(images, cameras, (0, 0, np.nan))
    with pytest.raises(ValueError, match="no camera has an image"):
        fill_volume([None] * 3, cameras, (0, 0, 0))
    with pytest.raises(ValueError, match="cubic"):
        fill_volume(images, cameras, (0, 0, 0), interpolation="cubic")
    with pytest.raises(ValueError, match=r"\(N, 3\)"):
        VolumeSampler(cameras, VoxelGrid(10, 2)).fill(images, (0, 0, 0))
    with pytest.raises(ValueError, match="uint8 or float32"):
        VolumeSampler(cameras, VoxelGrid(10, 2), dtype=np.float64)


def test_rooms_come_without_torch_and_compile_nothing() -> None:
    code = (
        "import sys, napari_sdannce.volumes, napari_sdannce.geometry;"
        "print([name for name in ('torch', 'numba') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
