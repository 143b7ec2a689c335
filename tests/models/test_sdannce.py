"""The s-DANNCE network against the reference's numbers, and its graph against first principles."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from napari_sdannce.models.pose_graph import adjacency, graph_norm
from napari_sdannce.models.sdannce import SdannceConfig, SdannceNet
from napari_sdannce.skeletons import load_skeleton

if TYPE_CHECKING:
    from pathlib import Path

RAT = load_skeleton("rat23")


def rat_network(n_views: int, **options: Any) -> SdannceNet:
    bones = tuple((int(a), int(b)) for a, b in RAT.bones)
    return SdannceNet(
        SdannceConfig(n_views=n_views, n_keypoints=23, bones=bones, scale="reference", **options)
    ).eval()


def recipe_weights(network: SdannceNet, seed: int) -> None:
    """Give a network the reproducible weights of the golden files."""
    state = {}
    for key, old in network.state_dict().items():
        rng = np.random.RandomState((seed + zlib.crc32(key.encode())) % 2**32)
        state[key] = torch.from_numpy(np.asarray(_value(key, tuple(old.shape), rng))).to(old.dtype)
    network.load_state_dict(state)


def _value(key: str, shape: tuple[int, ...], rng: np.random.RandomState) -> np.ndarray:
    if key.endswith("num_batches_tracked"):
        return np.zeros(shape)
    if key.endswith("running_var"):
        return 0.5 + rng.random_sample(shape)
    n = rng.standard_normal(shape)
    factors = {
        "running_mean": 0.1,
        "bias": 0.05,
        ".beta": 0.05,
        "gconv_output.W": 0.1,
    }
    for ending, factor in factors.items():
        if key.endswith(ending):
            return n * factor
    if key.endswith((".gamma", "bn.weight")):
        return 1 + 0.1 * n
    if key.endswith(".e"):
        return 1 + 0.3 * n
    if key.endswith(".W"):
        return n / np.sqrt(shape[1])
    if "output_layer.weight" in key:
        return n
    return n / np.sqrt(shape[0]) if "upsample" in key else n * np.sqrt(2 / np.prod(shape[1:]))


def golden_volumes(stored: dict[str, np.ndarray]) -> torch.Tensor:
    volumes = torch.from_numpy(stored["volume_u8"].astype(np.float32) / 127.5 - 1)
    return volumes.permute(0, 4, 1, 2, 3)


@pytest.mark.golden
@pytest.mark.parametrize(("n_views", "voxels"), [(3, 16), (6, 16), (6, 32)])
def test_sdannce_matches_reference(golden: Path, n_views: int, voxels: int) -> None:
    stored = dict(np.load(golden / f"net_sdannce_cam{n_views}_nvox{voxels}.npz"))
    network = rat_network(n_views)
    recipe_weights(network, int(stored["weights_seed"]))
    with torch.inference_mode():
        refined = network(golden_volumes(stored), 240 / voxels)
        places = network.feature_places(refined.logits)
    centres = stored["com"][:, None]
    tolerance = 5e-3 if voxels < 32 else 1e-2
    for ours, theirs in (
        (refined.initial.numpy() + centres, "init_poses"),
        (refined.final.numpy() + centres, "final_poses"),
    ):
        np.testing.assert_allclose(ours.transpose(0, 2, 1), stored[theirs], atol=tolerance)
    np.testing.assert_allclose(
        refined.graph.numpy().transpose(0, 2, 1), stored["gcn_raw_out"], atol=1e-3
    )
    np.testing.assert_allclose(refined.voxel_mm, float(stored["vsize_used"]), rtol=1e-12)
    np.testing.assert_allclose(places.numpy(), stored["sample_coords_zyx"], atol=1e-4)


@pytest.mark.golden
@pytest.mark.parametrize(
    ("variant", "options"),
    [
        ("nofeat", {"features": False}),
        ("modulated", {"block": "modulated"}),
        ("layernorm", {"graph_norm": "layer"}),
        ("noderelpose_off", {"relative": False}),
        ("residual", {"residual": True}),
    ],
)
def test_variants_match_reference(golden: Path, variant: str, options: dict[str, Any]) -> None:
    stored = dict(np.load(golden / f"net_sdannce_variant_{variant}.npz"))
    inputs = dict(np.load(golden / "net_sdannce_cam3_nvox16.npz"))
    network = rat_network(3, **options)
    keys = [str(key) for key in stored["keys"]]
    assert sorted(network.state_dict()) == sorted(keys)
    recipe_weights(network, int(inputs["weights_seed"]))
    with torch.inference_mode():
        refined = network(golden_volumes(inputs), 15.0, torch.from_numpy(inputs["com"]))
    np.testing.assert_allclose(
        refined.graph.numpy().transpose(0, 2, 1), stored["model_out_pose"], atol=1e-3
    )


def test_adjacency_is_bones_and_self() -> None:
    found = adjacency(3, [(0, 1)])
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [0.5, 0.5, 0], [0, 0, 1]])


@pytest.mark.parametrize("block", ["semantic", "modulated"])
def test_messages_go_along_bones_only(block: str) -> None:
    """A chain 0-1-2-3 through one layer: what enters at 0 reaches 1 and no farther."""
    config = SdannceConfig(
        n_views=1,
        n_keypoints=4,
        bones=((0, 1), (1, 2), (2, 3)),
        width=1,
        hidden=8,
        layers=0,
        features=False,
        graph_norm="none",
        block=block,
    )
    torch.manual_seed(0)
    layer = SdannceNet(config).gconv_input[0].gconv
    if block == "modulated":
        torch.nn.init.zeros_(layer.adj2)
    x = torch.randn(1, 4, 3)
    changed = x.clone()
    changed[0, 0] += 1
    moved = (layer(changed) - layer(x)).abs().amax(dim=-1)[0]
    assert (moved > 1e-4).tolist() == [True, True, False, False]


def test_exact_scale_reads_features_where_the_keypoint_is() -> None:
    """A feature map that holds its own coordinates must give the expected voxel."""
    config = SdannceConfig(n_views=1, n_keypoints=2, bones=((0, 1),), width=1, hidden=4)
    network = SdannceNet(config)
    logits = torch.full((1, 2, 8, 8, 8), -1e4)
    logits[0, 0, 1, 5, 6] = logits[0, 1, 7, 0, 3] = 1e4
    axis = torch.arange(8.0)
    maps = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"))[None]
    places = network.feature_places(logits)[:, :, None, None]
    there = torch.nn.functional.grid_sample(maps, places, align_corners=True)[0, :, :, 0, 0]
    np.testing.assert_allclose(there.T, [[1, 5, 6], [7, 0, 3]], atol=1e-5)


@pytest.mark.parametrize("name", ["none", "node_m", "node_n", "node_v", "node_srv"])
@pytest.mark.parametrize("spread", [1.0, 16.0])
def test_node_norms(name: str, spread: float) -> None:
    """Two channels at 2 - spread and 2 + spread: their mean is 2, their deviation the spread."""
    x = torch.tensor([[[2 - spread, 2 + spread]]])
    power = {"node_n": 1.0, "node_v": 1.0, "node_srv": 0.5}.get(name, 0.0)
    middle = 0.0 if name in ("node_m", "node_n") else 2.0
    truth = np.array([middle - spread, middle + spread]) / spread**power
    np.testing.assert_allclose(graph_norm(name, 2)(x)[0, 0], truth, rtol=1e-4)


def test_pr_norm_takes_the_root() -> None:
    x = torch.tensor([[[-8.0, 8.0]]])
    np.testing.assert_allclose(graph_norm("node_pr_3", 2)(x)[0, 0], [-4, 4], rtol=1e-4)


def test_a_network_in_world_coordinates_needs_the_centres() -> None:
    config = SdannceConfig(
        n_views=1, n_keypoints=2, bones=((0, 1),), width=1, hidden=4, relative=False
    )
    with pytest.raises(ValueError, match="needs the centres"):
        SdannceNet(config)(torch.zeros(1, 3, 8, 8, 8), 3.0)


@pytest.mark.parametrize(
    "wrong", [{"bones": ((0, 2),)}, {"graph_norm": "node_x"}, {"graph_norm": "node_pr_0"}]
)
def test_graphs_that_can_not_be_built(wrong: dict[str, Any]) -> None:
    options: dict[str, Any] = {"n_views": 1, "n_keypoints": 2, "bones": ((0, 1),)} | wrong
    with pytest.raises(ValueError, match=r"bones join|no normalisation"):
        SdannceConfig(**options)
