"""Networks: what they compute, from first principles and beside the reference's numbers."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from napari_sdannce.models import ComConfig, ComNet, DannceConfig, DannceNet, build_network
from napari_sdannce.models.blocks import ScalarLayerNorm
from napari_sdannce.models.com import normalise_images
from napari_sdannce.models.heatmaps import soft_argmax

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


def recipe_weights(network: nn.Module, seed: int, *, half: bool = False) -> None:
    """Give a network the reproducible weights of the golden files."""
    state = {}
    for key, old in network.state_dict().items():
        rng = np.random.RandomState((seed + zlib.crc32(key.encode())) % 2**32)
        n = rng.standard_normal(tuple(old.shape))
        if key.endswith(".gamma"):
            value = 1 + 0.1 * n
        elif key.endswith((".beta", "bias")):
            value = 0.05 * n
        elif "output_layer.weight" in key:
            value = n
        elif "upsample" in key:
            value = n / np.sqrt(old.shape[0])
        else:
            value = n * np.sqrt(2 / np.prod(old.shape[1:]))
        tensor = torch.from_numpy(np.asarray(value, dtype=np.float32))
        state[key] = tensor.half().float() if half else tensor
    network.load_state_dict(state)


def golden_input(file: Path) -> tuple[dict[str, np.ndarray], torch.Tensor, float]:
    stored = dict(np.load(file))
    volumes = torch.from_numpy(stored["volume_u8"].astype(np.float32) / 127.5 - 1)
    n = stored["volume_u8"].shape[1]
    return stored, volumes.permute(0, 4, 1, 2, 3), 240 / n


@pytest.mark.golden
@pytest.mark.parametrize(
    ("width", "n_views", "voxels"),
    [(32, 3, 16), (32, 6, 16), (32, 6, 32), (64, 6, 16), (64, 6, 32)],
)
def test_dannce_matches_reference(golden: Path, width: int, n_views: int, voxels: int) -> None:
    name = {32: "compressed", 64: "full"}[width]
    file = golden / f"net_dannce_{name}_cam{n_views}_nvox{voxels}.npz"
    stored, volumes, voxel_mm = golden_input(file)
    network = DannceNet(DannceConfig(n_views=n_views, n_keypoints=23, width=width)).eval()
    recipe_weights(network, int(stored["weights_seed"]))
    with torch.inference_mode():
        logits, features = network.logits_and_features(volumes)
        poses = soft_argmax(logits, voxel_mm).numpy() + stored["com"][:, None]
    tolerance = 5e-3 if voxels < 32 else 1e-2
    np.testing.assert_allclose(poses.transpose(0, 2, 1), stored["coords"], atol=tolerance)
    np.testing.assert_allclose(logits.numpy(), stored["heatmaps"], rtol=1e-4, atol=1e-3)
    for level, feature in enumerate(features):
        if f"dec_feat{level}" in stored:
            np.testing.assert_allclose(
                feature.numpy(), stored[f"dec_feat{level}"], rtol=1e-4, atol=1e-3
            )


@pytest.mark.golden
@pytest.mark.parametrize("n_animals", [1, 2])
def test_com_matches_reference(golden: Path, n_animals: int) -> None:
    stored = np.load(golden / f"net_com_rgb_{n_animals}ch.npz")
    network = ComNet(ComConfig(n_animals=n_animals)).eval()
    recipe_weights(network, int(stored["weights_seed"]), half=True)
    images = normalise_images(torch.from_numpy(stored["image_u8"]))
    np.testing.assert_allclose(images.permute(0, 2, 3, 1).numpy(), stored["input_norm"], atol=1e-5)
    with torch.inference_mode():
        heatmaps = network(images).numpy()
    np.testing.assert_allclose(heatmaps, stored["heatmaps"], rtol=1e-4, atol=1e-3)


def test_parameter_counts_of_the_reference() -> None:
    def count(network: nn.Module) -> int:
        return sum(p.numel() for p in network.parameters())

    assert count(DannceNet(DannceConfig(n_views=6, n_keypoints=23))) == 5_615_155
    assert count(DannceNet(DannceConfig(n_views=6, n_keypoints=23, width=64))) == 22_424_627
    assert count(ComNet(ComConfig(n_animals=2))) == 7_760_166


def test_one_heatmap_of_all_animals() -> None:
    shared = ComNet(ComConfig(n_animals=3, channels="shared", width=2, logits=True)).eval()
    one = ComNet(ComConfig(n_animals=1, width=2))
    assert [p.shape for p in shared.parameters()] == [p.shape for p in one.parameters()]
    with torch.inference_mode():
        answers = shared(torch.zeros(1, 3, 16, 32))
        assert answers.shape == (1, 1, 16, 32)
        # untrained, it sees an animal almost nowhere
        assert shared.spots(answers).max() < 0.05
        torch.testing.assert_close(shared.spots(torch.tensor([9.0, -9.0])), torch.tensor([1.0, 0]),
                                   atol=2e-4, rtol=0)  # fmt: skip
        assert one.spots(torch.tensor([1.5, -0.2])).tolist() == pytest.approx([1.5, -0.2])


def test_state_dict_order_of_the_reference() -> None:
    keys = list(DannceNet(DannceConfig(n_views=2, n_keypoints=3, width=2)).state_dict())
    modules = list(dict.fromkeys(key.split(".block")[0] for key in keys))
    stem = "encoder_decoder."
    expected = [f"{stem}encoder_res{i}" for i in (1, 2, 3, 4)]
    for i in (3, 2, 1):
        expected += [f"{stem}decoder_res{i}", f"{stem}decoder_upsample{i}"]
    assert modules[: len(expected)] == expected
    assert modules[len(expected) :] == ["output_layer.weight", "output_layer.bias"]
    assert keys[2] == "encoder_decoder.encoder_res1.block.1.gamma"


def test_layer_norm_by_hand() -> None:
    x = torch.tensor([[[1.0, 2.0], [3.0, 6.0]], [[0.0, 0.0], [0.0, 8.0]]])
    norm = ScalarLayerNorm()
    with torch.no_grad():
        norm.gamma.fill_(2)
        norm.beta.fill_(0.5)
    expected = [(s - s.mean()) / (s.std() + 1e-3) * 2 + 0.5 for s in x.numpy().astype(np.float64)]
    np.testing.assert_allclose(norm(x).detach().numpy(), np.stack(expected), rtol=1e-5)


def test_layer_norm_gradient() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 4, 5, dtype=torch.double, generator=generator, requires_grad=True)
    norm = ScalarLayerNorm().double()
    with torch.no_grad():
        norm.gamma.fill_(1.7)
        norm.beta.fill_(-0.3)
    parameters = (x, norm.gamma, norm.beta)
    assert torch.autograd.gradcheck(lambda x, *_: norm(x), parameters)
    with torch.no_grad():
        torch.testing.assert_close(norm(x), norm(x.detach().requires_grad_()))


def test_layer_norm_of_a_blank_image() -> None:
    blank = torch.full((2, 3, 4, 4), 5.0, requires_grad=True)
    out = ScalarLayerNorm()(blank)
    assert (out == 0).all()
    out.sum().backward()
    assert torch.isfinite(blank.grad).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_layer_norm_of_half_precision(dtype: torch.dtype) -> None:
    # the squares overflow half precision
    x = torch.randn(1, 8, 16, 16, generator=torch.Generator().manual_seed(0)) * 2000
    expected = ScalarLayerNorm()(x)
    found = ScalarLayerNorm()(x.to(dtype).requires_grad_())
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), expected, atol=0.03, rtol=0.02)


def test_layer_norm_of_large_volumes_is_exact() -> None:
    x = torch.randn(1, 32, 64, 64, 64, generator=torch.Generator().manual_seed(2)) + 0.3
    exact = (x.double() - x.double().mean()) / (x.double().std(unbiased=False) + 1e-3)
    for layout in (torch.contiguous_format, torch.channels_last_3d):
        with torch.inference_mode():
            found = ScalarLayerNorm()(x.to(memory_format=layout))
        torch.testing.assert_close(found.double(), exact, rtol=3e-6, atol=3e-6)


@pytest.mark.parametrize(
    ("norm", "key"), [("layer", "gamma"), ("batch", "running_var"), ("instance", None)]
)
def test_norm_decides_the_keys(norm: str, key: str | None) -> None:
    config = DannceConfig.model_validate(
        {"n_views": 1, "n_keypoints": 2, "width": "quarter", "norm": norm}
    )
    network = DannceNet(config)
    assert config.width == 8
    inside = {name.split(".")[-1] for name in network.state_dict() if "block.1." in name}
    assert (key in inside) if key else not inside
    assert network(torch.randn(2, 3, 16, 16, 16)).shape == (2, 2, 16, 16, 16)


def test_inputs_that_do_not_fit_are_named() -> None:
    network = DannceNet(DannceConfig(n_views=2, n_keypoints=1, width=2))
    with pytest.raises(ValueError, match=r"6, y, x, z.*2 views of 3 channels.*got \(1, 9"):
        network(torch.zeros(1, 9, 8, 8, 8))
    with pytest.raises(ValueError, match="multiple of 8"):
        network(torch.zeros(1, 6, 8, 8, 12))
    with pytest.raises(ValueError, match="multiples of 16"):
        ComNet(ComConfig(width=2))(torch.zeros(1, 3, 50, 64))


def test_seed_decides_fresh_weights() -> None:
    config = DannceConfig(n_views=1, n_keypoints=1, width=2)
    before = torch.random.get_rng_state()
    a, b, c = (build_network(config, seed) for seed in (1, 1, 2))
    assert torch.equal(before, torch.random.get_rng_state())
    first = "encoder_decoder.encoder_res1.block.0.weight"
    assert torch.equal(a.state_dict()[first], b.state_dict()[first])
    assert not torch.equal(a.state_dict()[first], c.state_dict()[first])


def test_samples_of_a_batch_do_not_mix() -> None:
    network = build_network(DannceConfig(n_views=1, n_keypoints=2, width=4), 0).eval()
    volumes = torch.randn(3, 3, 8, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        together = network(volumes)
        alone = torch.cat([network(volume[None]) for volume in volumes])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-5)
