"""The torch sampler gives the voxels of the CPU sampler."""

from __future__ import annotations

import numpy as np
import pytest

from napari_sdannce.volumes import Interpolation, VolumeSampler, VoxelGrid

torch = pytest.importorskip("torch")

from napari_sdannce.volumes.sample_torch import TorchSampler  # noqa: E402

COMS = np.array([[0, 0, 0], [20, -10, 5.0]])
GRID = VoxelGrid(90, 14)


@pytest.mark.parametrize("mono", [False, True])
@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("how", list(Interpolation))
def test_same_voxels(how, dtype, mono, views) -> None:
    cameras, images = views
    ours = VolumeSampler(cameras, GRID, how, mono, np.dtype(dtype)).fill(images, COMS)
    twin = TorchSampler(cameras, GRID, how, mono=mono, dtype=getattr(torch, dtype))
    volumes = twin.fill(images, COMS)
    assert volumes.shape == (2, 3 if mono else 9, 14, 14, 14)
    theirs = volumes.movedim(1, -1).numpy()
    assert theirs.dtype == ours.dtype
    off = np.abs(theirs.astype(float) - ours)
    # equal but for what a compiler's other order of roundings may do
    assert (off > 1e-3).mean() <= 1e-3


@pytest.mark.gpu
@pytest.mark.parametrize("how", list(Interpolation))
def test_same_voxels_on_the_gpu(how, views) -> None:
    cameras, images = views
    ours = VolumeSampler(cameras, GRID, how).fill(images, COMS)
    volumes = TorchSampler(cameras, GRID, how, "cuda").fill(images, COMS)
    assert volumes.is_cuda
    theirs = volumes.movedim(1, -1).cpu().numpy()
    assert (theirs != ours).mean() <= 1e-3


@pytest.mark.parametrize("how", list(Interpolation))
def test_small_and_missing_images(how, views) -> None:
    cameras, images = views
    given = [images[0][..., 0], None, images[2][..., 0]]
    ours = VolumeSampler(cameras, GRID, how).fill(given, COMS)
    theirs = TorchSampler(cameras, GRID, how).fill(given, COMS).movedim(1, -1).numpy()
    assert (theirs[..., 1] == 0).all()
    assert (theirs != ours).mean() <= 1e-3


def test_depth_zero_takes_the_same_pixel(camera) -> None:
    image = np.arange(31 * 41, dtype=np.int64).reshape(31, 41).astype(np.uint8)
    grid = VoxelGrid(3, 3)
    ours = VolumeSampler((camera,), grid).fill([image], [(0, 0, 0)])
    theirs = TorchSampler((camera,), grid).fill([image], [(0, 0, 0)])
    np.testing.assert_array_equal(theirs.movedim(1, -1).numpy(), ours)


def test_what_does_not_fit_is_named(views) -> None:
    cameras, images = views
    with pytest.raises(ValueError, match="2 images for 3 cameras"):
        TorchSampler(cameras, GRID).fill(images[:2], COMS)
    with pytest.raises(ValueError, match=r"\(N, 3\)"):
        TorchSampler(cameras, GRID).fill(images, COMS[0])
    with pytest.raises(ValueError, match="got none"):
        TorchSampler([], GRID)
    with pytest.raises(ValueError, match="uint8 or"):
        TorchSampler(cameras, GRID, dtype=torch.float64)
