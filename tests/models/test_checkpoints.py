from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_sdannce.models import (
    CheckpointError,
    CheckpointInfo,
    ComConfig,
    DannceConfig,
    SdannceConfig,
    SdannceNet,
    build_network,
    load_checkpoint,
    save_checkpoint,
)
from napari_sdannce.models.checkpoints import load_weights
from napari_sdannce.models.poses import find_poses
from napari_sdannce.recording import PixelOrigin
from napari_sdannce.settings import VolumeSettings
from napari_sdannce.skeletons import load_skeleton

TINY = DannceConfig(n_views=2, n_keypoints=3, width=2)


def reference_file(path: Path, **extra: object) -> Path:
    """A small checkpoint as the reference program writes it."""
    state = {f"module.{k}": v for k, v in build_network(TINY, 5).state_dict().items()}
    torch.save({"epoch": 7, "state_dict": state, **extra}, path)
    return path


def test_ours_round_trip(tmp_path: Path) -> None:
    network = build_network(TINY, 3)
    info = CheckpointInfo(
        network=TINY,
        keypoints=("a", "b", "c"),
        cameras=("left", "right"),
        pixel_origin=PixelOrigin.MATLAB,
        volume=VolumeSettings(size_mm=120, voxels=16),
        epoch=4,
        metrics={"val_error_mm": 2.5},
    )
    path = save_checkpoint(tmp_path / "run" / "best", network, info)
    assert {file.name for file in path.parent.iterdir()} == {"best.safetensors", "best.json"}
    assert path.stat().st_mode == path.with_suffix(".json").stat().st_mode
    for given in (path, path.with_suffix(".json")):
        read = load_checkpoint(given)
        assert read.info == info
        assert not read.dannce.training
        for name, tensor in network.state_dict().items():
            assert torch.equal(read.network.state_dict()[name], tensor)
    with pytest.raises(CheckpointError, match="holds a dannce network, expected a com network"):
        _ = read.com


def test_reference_round_trip_with_numpy_and_prefix(tmp_path: Path) -> None:
    params = {
        "camnames": np.array(["Camera1", "Camera2"]),
        "vmin": np.float64(-120),
        "n_instances": np.int64(1),
        "label3d": np.arange(6.0).reshape(2, 3),
        "chan_num": 3,
        "flag": np.bool_(True),
        "folder": Path("somewhere"),
        "nested": {"0": {"K": np.eye(3, dtype=np.float32)}},
    }
    read = load_checkpoint(reference_file(tmp_path / "net.pth", params=params))
    assert read.info.network == TINY
    assert read.info.epoch == 7
    assert read.info.pixel_origin is PixelOrigin.REFERENCE
    assert read.info.volume is None
    expected = build_network(TINY, 5).state_dict()
    assert all(torch.equal(t, expected[k]) for k, t in read.network.state_dict().items())


def test_mono_reference_has_one_channel_a_view(tmp_path: Path) -> None:
    config = DannceConfig(n_views=6, channels_per_view=1, n_keypoints=3, width=2)
    state = build_network(config, 5).state_dict()
    torch.save({"state_dict": state, "params": {"mono": True}}, tmp_path / "mono.pth")
    assert load_checkpoint(tmp_path / "mono.pth").info.network == config


def test_noise_is_damaged_and_nobody_is_told_to_run_it(tmp_path: Path) -> None:
    path = tmp_path / "noise.pth"
    path.write_bytes(np.random.default_rng(0).bytes(3000))
    with pytest.raises(CheckpointError, match="damaged, or not a checkpoint") as error:
        load_checkpoint(path)
    assert "weights_only" not in str(error.value)


def test_a_full_disk_is_named(tmp_path: Path, small_disk: Any) -> None:
    config = DannceConfig(n_views=2, n_keypoints=3, width=16)
    path = tmp_path / "net.safetensors"
    with small_disk(), pytest.raises(OSError, match=r"net\.safetensors: the weights could not be"):
        save_checkpoint(path, build_network(config), CheckpointInfo(network=config))
    assert not list(tmp_path.iterdir())


class Poison:
    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(Path(os.environ["POISON"])),))


def test_code_in_a_checkpoint_never_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISON", str(tmp_path / "poisoned"))
    path = reference_file(tmp_path / "net.pth", params={"x": Poison()})
    (tmp_path / "bare.pth").write_bytes(pickle.dumps({"state_dict": Poison()}, protocol=2))
    for file in (path, tmp_path / "bare.pth"):
        with pytest.raises(CheckpointError, match="without running its code"):
            load_checkpoint(file)
    assert not (tmp_path / "poisoned").exists()


def test_weights_that_do_not_fit_are_named(tmp_path: Path) -> None:
    network = build_network(TINY, 0)
    weights = dict(network.state_dict())
    weights["output_layer.weight"] = torch.zeros(4, 2, 1, 1, 1)
    weights["surplus"] = torch.zeros(1)
    del weights["encoder_decoder.encoder_res1.block.0.bias"]
    with pytest.raises(CheckpointError) as caught:
        load_weights(network, weights, tmp_path / "net.pth")
    for part in ("net.pth", "surplus", "encoder_res1.block.0.bias", "(4, 2, 1, 1, 1), expected (3"):
        assert part in str(caught.value)


@pytest.mark.parametrize("kind", [torch.int32, torch.complex64])
def test_weights_that_are_no_real_numbers_are_refused(tmp_path: Path, kind: torch.dtype) -> None:
    network = build_network(TINY, 0)
    weights = dict(network.state_dict())
    weights["output_layer.weight"] = weights["output_layer.weight"].to(kind)
    with pytest.raises(CheckpointError, match=r"output_layer\.weight is torch\.\w+, expected real"):
        load_weights(network, weights, tmp_path / "net.pth")


def test_a_description_that_an_editor_marked_is_read(tmp_path: Path) -> None:
    info = CheckpointInfo(network=TINY)
    path = save_checkpoint(tmp_path / "net", build_network(TINY, 0), info)
    about = path.with_suffix(".json")
    about.write_text(about.read_text(), encoding="utf-8-sig")
    assert load_checkpoint(path).info == info


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged|without running"),
        (b"PK\x03\x04 not really", "damaged"),
    ],
)
def test_damaged_reference_file(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=message):
        load_checkpoint(tmp_path / "net.pth")


def test_damaged_and_changed_checkpoints_are_read_or_refused(tmp_path: Path) -> None:
    count = int(os.environ.get("SDANNCE_FUZZ_EXAMPLES", "30"))
    seed = np.random.default_rng().integers(10**6) if "SDANNCE_FUZZ_EXAMPLES" in os.environ else 0
    script = Path(__file__).with_name("fuzz_checkpoints.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), str(seed), str(count)],
        capture_output=True,
        text=True,
        timeout=60 + count,
        check=False,
    )
    assert done.returncode == 0, f"seed {seed}: {done.stderr[-2000:]}"
    said = done.stdout.splitlines()
    assert [line for line in said if line not in ("read", "refused")] == [], f"seed {seed}"
    assert len(said) == 7 * count
    assert said.count("refused") > count


def test_foreign_contents_are_named(tmp_path: Path) -> None:
    torch.save({"state_dict": {"layer.weight": torch.zeros(2)}}, tmp_path / "other.pth")
    with pytest.raises(
        CheckpointError, match="no COM, DANNCE or s-DANNCE network: its tensors are layer"
    ):
        load_checkpoint(tmp_path / "other.pth")
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(CheckpointError, match="holds a list"):
        load_checkpoint(tmp_path / "list.pth")
    wide = ComConfig(width=256)
    state = {"encoder_res1.block.0.weight": torch.zeros(300, 3, 3, 3),
             "output_layer.weight": torch.zeros(1, wide.width, 1, 1)}  # fmt: skip
    torch.save({"state_dict": state}, tmp_path / "wide.pth")
    with pytest.raises(CheckpointError, match="no network can have width = 300"):
        load_checkpoint(tmp_path / "wide.pth")
    torch.save({"state_dict": {"layer": 3}}, tmp_path / "odd.pth")
    with pytest.raises(CheckpointError, match="no tensors"):
        load_checkpoint(tmp_path / "odd.pth")


def test_our_files_that_lack_something(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*none.*; expected a .safetens"):
        load_checkpoint(tmp_path / "none.safetensors")
    network = build_network(TINY, 0)
    path = save_checkpoint(tmp_path / "net", network, CheckpointInfo(network=TINY))
    with pytest.raises(CheckpointError, match=r"a folder, expected .*, such as .*net.safetensors"):
        load_checkpoint(tmp_path)
    about = json.loads(path.with_suffix(".json").read_text())
    about["network"]["width"] = 4
    path.with_suffix(".json").write_text(json.dumps(about))
    with pytest.raises(CheckpointError, match="do not fit a dannce network of width 4"):
        load_checkpoint(path)
    path.with_suffix(".json").write_text("{")
    with pytest.raises(CheckpointError, match=r"net.json: does not describe"):
        load_checkpoint(path)
    about["network"]["width"] = 2
    path.with_suffix(".json").write_text(json.dumps(about | {"keypoints": ["a", "b"]}))
    with pytest.raises(CheckpointError, match="2 names of keypoints for a network of 3"):
        load_checkpoint(path)
    path.with_suffix(".json").write_text(json.dumps(about | {"epoch": -1}))
    with pytest.raises(CheckpointError, match=r"'epoch': Input should be greater .* to 0$"):
        load_checkpoint(path)
    path.with_suffix(".json").unlink()
    with pytest.raises(FileNotFoundError, match="beside the weights"):
        load_checkpoint(path)
    path.write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="not a safetensors file"):
        load_checkpoint(path)
    with pytest.raises(ValueError, match="another network"):
        save_checkpoint(path, network, CheckpointInfo(network=ComConfig()))


@pytest.mark.golden
def test_reference_dannce_checkpoint(golden: Path) -> None:
    read = load_checkpoint(golden / "ckpt_dannce_compressed_cam6.pth")
    assert read.info.network == DannceConfig(n_views=6, n_keypoints=23, width=32)
    stored = np.load(golden / "net_dannce_compressed_cam6_nvox16.npz")
    volumes = torch.from_numpy(stored["volume_u8"].astype(np.float32) / 127.5 - 1)
    with torch.inference_mode():
        logits = read.network(volumes.permute(0, 4, 1, 2, 3))
    np.testing.assert_allclose(logits.numpy(), stored["heatmaps"], rtol=1e-4, atol=1e-3)


@pytest.mark.golden
def test_reference_com_state(golden: Path) -> None:
    network = load_checkpoint(golden / "state_com_fp16_rgb_1ch.pth").com
    stored = np.load(golden / "net_com_rgb_1ch.npz")
    with torch.inference_mode():
        heatmaps = network(torch.from_numpy(stored["input_norm"]).permute(0, 3, 1, 2))
    np.testing.assert_allclose(heatmaps.numpy(), stored["heatmaps"], rtol=1e-4, atol=1e-3)


@pytest.mark.golden
def test_reference_sdannce_checkpoint(golden: Path) -> None:
    read = load_checkpoint(golden / "ckpt_sdannce_posegcn_cam6.pth")
    assert read.info.skeleton == "rat23"
    assert read.info.pixel_origin == "reference"
    with pytest.raises(CheckpointError, match="a sdannce network, expected a dannce network"):
        _ = read.dannce
    stored = np.load(golden / "net_sdannce_cam6_nvox16.npz")
    volumes = torch.from_numpy(stored["volume_u8"]).permute(0, 4, 1, 2, 3)
    with torch.inference_mode():
        found = find_poses(read.pose, volumes, 15.0)
    assert found.initial is not None
    for ours, theirs in ((found.initial, "init_poses"), (found.positions, "final_poses")):
        poses = ours.numpy() + stored["com"][:, None]
        np.testing.assert_allclose(poses.transpose(0, 2, 1), stored[theirs], atol=5e-3)


def sdannce_pth(path: Path, **graph: Any) -> tuple[SdannceNet, Path]:
    """A checkpoint as the reference program writes them, and the network it holds."""
    skeleton = load_skeleton("rat16")
    config = SdannceConfig(
        n_views=2, n_keypoints=16, width=2, hidden=8, fuse=4, scale="reference",
        bones=skeleton.bones, **graph,
    )  # fmt: skip
    network = build_network(config, 3)
    assert isinstance(network, SdannceNet)
    options = {
        "use_residual": config.residual,
        "predict_diff": config.difference,
        "use_relpose": config.relative,
        "norm_type": config.graph_norm,
    }
    params = {"graph_cfg": options, "skeleton": "rat16"}
    torch.save({"state_dict": network.state_dict(), "params": params, "epoch": 3}, path)
    return network, path


@pytest.mark.parametrize(
    "graph",
    [
        {},
        {"block": "modulated", "layers": 1},
        {"graph_norm": "layer", "layers": 0},
        {"graph_norm": "node_srv", "features": False},
        {"relative": False, "difference": False, "residual": True},
    ],
)
def test_graph_options_are_found_in_a_reference_checkpoint(
    tmp_path: Path, graph: dict[str, Any]
) -> None:
    network, path = sdannce_pth(tmp_path / "a.pth", **graph)
    read = load_checkpoint(path)
    fuse = 4 if network.config.features else 128
    assert read.info.network == network.config.model_copy(update={"fuse": fuse})
    assert read.info.keypoints == load_skeleton("rat16").keypoints
    weights = network.state_dict()
    assert all(torch.equal(weights[name], t) for name, t in read.network.state_dict().items())


def test_graph_of_no_known_skeleton_is_an_error(tmp_path: Path) -> None:
    network = build_network(
        SdannceConfig(n_views=2, n_keypoints=3, width=2, hidden=8, bones=((0, 1),))
    )
    torch.save({"state_dict": network.state_dict()}, tmp_path / "a.pth")
    with pytest.raises(CheckpointError, match="3 keypoints and 1 bones; no built-in skeleton"):
        load_checkpoint(tmp_path / "a.pth")


def test_configs_of_the_two_networks_are_told_apart(tmp_path: Path) -> None:
    config = SdannceConfig(n_views=2, n_keypoints=3, width=2, hidden=8, bones=((0, 1),))
    network = build_network(config, 0)
    path = save_checkpoint(tmp_path / "a", network, CheckpointInfo(network=config))
    read = load_checkpoint(path)
    assert isinstance(read.network, SdannceNet)
    assert read.info.network == config


def test_weights_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    network = build_network(TINY, 0)
    state = {name: each.clone() for name, each in network.state_dict().items()}
    state["output_layer.bias"][0] = torch.nan
    torch.save({"state_dict": state}, tmp_path / "nan.pth")
    network.load_state_dict(state)
    ours = save_checkpoint(tmp_path / "inf", network, CheckpointInfo(network=TINY))
    for path in (tmp_path / "nan.pth", ours):
        with pytest.raises(CheckpointError, match=r"no numbers .*output_layer\.bias"):
            load_checkpoint(path)
