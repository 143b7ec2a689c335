"""Weights of one network in another: the answer stays what it was as far as it can."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from napari_sdannce.models import (
    Checkpoint,
    CheckpointInfo,
    ComConfig,
    DannceConfig,
    SdannceConfig,
    build_network,
    load_checkpoint,
)
from napari_sdannce.models.poses import find_poses
from napari_sdannce.models.reference_write import write_reference
from napari_sdannce.models.transfer import Transfer, same_kind, transfer
from napari_sdannce.skeletons import load_skeleton

if TYPE_CHECKING:
    from napari_sdannce.models.checkpoints import Network

FIRST = "encoder_decoder.encoder_res1.block.0.weight"
NAMES = ("nose", "ear", "tail")
BONES = ((0, 1), (0, 2))


def config(kind: str = "dannce", **changes: Any) -> Any:
    shared = {"n_views": 2, "n_keypoints": 3, "width": 2, **changes}
    if kind == "dannce":
        return DannceConfig(**shared)
    return SdannceConfig(**{"bones": BONES, "hidden": 8, "fuse": 4, **shared})


def checkpoint(network_config: Any, seed: int = 1, **about: Any) -> Checkpoint:
    about = {"keypoints": NAMES[: network_config.n_keypoints], **about}
    info = CheckpointInfo(network=network_config, **about)
    network = build_network(network_config, seed).eval()
    for parameter in network.parameters():  # biases of 0 and gammas of 1 would hide mistakes
        parameter.data.add_(0.1 * torch.randn(parameter.shape, generator=GENERATOR))
    return Checkpoint(network, info, Path("start"))


GENERATOR = torch.Generator().manual_seed(0)


def taken_by(network_config: Any, start: Checkpoint, **about: Any) -> tuple[Network, Transfer]:
    about = {"keypoints": NAMES[: network_config.n_keypoints], **about}
    network = build_network(network_config, 2).eval()
    info = CheckpointInfo(network=network_config, **about)
    return network, transfer(network, info, start)


def volumes(n_channels: int = 6, voxels: int = 8) -> torch.Tensor:
    return torch.rand(2, n_channels, voxels, voxels, voxels, generator=GENERATOR)


def answers(network: Any, given: torch.Tensor) -> torch.Tensor:
    with torch.inference_mode():
        return find_poses(network, 127.5 * (given + 1), 10.0).logits


def test_the_same_network_is_taken_whole() -> None:
    start = checkpoint(config("sdannce"))
    network, taken = taken_by(config("sdannce"), start)
    assert not taken.adapted
    assert taken.fresh == taken.unused == ()
    ours, theirs = network.state_dict(), start.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_backbone_goes_from_dannce_to_sdannce_and_back() -> None:
    start = checkpoint(config())
    given = volumes()
    refined, taken = taken_by(config("sdannce"), start)
    torch.testing.assert_close(answers(refined, given), answers(start.network, given))
    assert all(name.startswith(("gconv", "fusion")) for name in taken.fresh)
    assert taken.fresh
    again, taken = taken_by(
        config(), Checkpoint(refined, checkpoint(config("sdannce")).info, Path())
    )
    torch.testing.assert_close(answers(again, given), answers(start.network, given))
    assert not taken.fresh
    assert all(name.startswith(("gconv", "fusion")) for name in taken.unused)


@pytest.mark.parametrize("n_views", [1, 4, 6])
def test_views_that_look_alike_give_the_same_answer(n_views: int) -> None:
    start = checkpoint(config())
    network, taken = taken_by(config(n_views=n_views), start)
    one = volumes(3)
    torch.testing.assert_close(
        answers(network, one.repeat(1, n_views, 1, 1, 1)),
        answers(start.network, one.repeat(1, 2, 1, 1, 1)),
        atol=1e-4, rtol=1e-4,
    )  # fmt: skip
    assert any("of 2 views of 3 channels" in text for text in taken.adapted.values())


def test_views_in_another_order_are_matched_by_name() -> None:
    start = checkpoint(config(), cameras=("left", "right"))
    network, _ = taken_by(config(), start, cameras=("right", "left"))
    given = volumes()
    swapped = torch.cat([given[:, 3:], given[:, :3]], dim=1)
    torch.testing.assert_close(answers(network, swapped), answers(start.network, given))


def first_layer(network: Any, n_views: int) -> torch.Tensor:
    """(V, ...) weights of each view's channels."""
    weight = network.state_dict()[FIRST]
    return weight.reshape(len(weight), n_views, -1, *weight.shape[2:]).movedim(1, 0)


def test_some_of_the_cameras_are_matched_by_name() -> None:
    cameras = tuple("ABCDEF")
    start = checkpoint(config(n_views=6), cameras=cameras)
    network, _ = taken_by(config(n_views=3), start, cameras=("E", "A", "C"))
    theirs = first_layer(start.network, 6)
    torch.testing.assert_close(first_layer(network, 3), 2 * theirs[[4, 0, 2]])
    one = volumes(3)
    same = checkpoint(config(n_views=6), cameras=cameras)
    same.network.load_state_dict(start.network.state_dict())
    blocks = same.network.state_dict()[FIRST]
    blocks[:] = blocks[:, :3].repeat(1, 6, 1, 1, 1)
    alike, _ = taken_by(config(n_views=3), same, cameras=("E", "A", "C"))
    torch.testing.assert_close(
        answers(alike, one.repeat(1, 3, 1, 1, 1)),
        answers(same.network, one.repeat(1, 6, 1, 1, 1)),
        atol=1e-4, rtol=1e-4,
    )  # fmt: skip


def test_cameras_beside_the_known_ones_get_the_mean() -> None:
    start = checkpoint(config(n_views=2), cameras=("A", "B"))
    network, _ = taken_by(config(n_views=4), start, cameras=("X", "B", "A", "Y"))
    theirs, ours = first_layer(start.network, 2), first_layer(network, 4)
    torch.testing.assert_close(ours[[2, 1]], theirs / 2)
    for new in (0, 3):
        torch.testing.assert_close(ours[new], theirs.mean(dim=0) / 2)


def test_cameras_that_share_only_some_names_are_matched_by_place() -> None:
    start = checkpoint(config(n_views=3), cameras=("A", "B", "C"))
    network, _ = taken_by(config(n_views=2), start, cameras=("C", "X"))
    theirs = first_layer(start.network, 3)
    expected = torch.stack([(theirs[0] + theirs[2]) / 2, theirs[1]]) * 1.5
    torch.testing.assert_close(first_layer(network, 2), expected)


def test_brightness_and_colour() -> None:
    start = checkpoint(config())
    grey = volumes(2)
    mono, _ = taken_by(config(channels_per_view=1), start)
    torch.testing.assert_close(
        answers(mono, grey), answers(start.network, grey.repeat_interleave(3, dim=1)),
        atol=1e-4, rtol=1e-4,
    )  # fmt: skip
    start = checkpoint(config(channels_per_view=1))
    colour, _ = taken_by(config(), start)
    # the shares of the colours sum to one
    torch.testing.assert_close(
        answers(colour, grey.repeat_interleave(3, dim=1)), answers(start.network, grey),
        atol=1e-4, rtol=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["dannce", "sdannce"])
@pytest.mark.parametrize("width", [4, 6])
def test_a_wider_network_answers_as_the_narrow_one(kind: str, width: int) -> None:
    start = checkpoint(config(kind))
    network, taken = taken_by(config(kind, width=width), start)
    given = volumes()
    before, after = answers(start.network, given), answers(network, given)
    assert float((after - before).abs().max()) < 0.05 * float(before.std())
    assert not taken.fresh
    fresh = answers(build_network(config(kind, width=width), 2).eval(), given)
    assert float((fresh - before).abs().max()) > float(before.std())


def test_a_narrower_network_takes_the_first_channels() -> None:
    _, taken = taken_by(config(), checkpoint(config(width=4)))
    assert not taken.fresh
    assert any("of width 4, for 2" in text for text in taken.adapted.values())
    # one line in all, not one for each tensor
    assert taken.in_words().count("of width 4, for 2") == 1


def test_keypoints_are_matched_by_name() -> None:
    start = checkpoint(config("sdannce"))
    names = ("tail", "paw", "nose", "ear")
    new = config("sdannce", n_keypoints=4, bones=((0, 2), (1, 2), (3, 2)))
    network, taken = taken_by(new, start, keypoints=names)
    given = volumes()
    before, after = answers(start.network, given), answers(network, given)
    torch.testing.assert_close(after[:, [2, 3, 0]], before)
    assert any("3 rows by name, anew for paw" in text for text in taken.adapted.values())
    # nose-tail and nose-ear are bones of both: both ways, and three keypoints with themselves
    assert any("7 of 10 bones by name" in text for text in taken.adapted.values())
    weights = network.state_dict()["gconv_output.e"]
    old = start.network.state_dict()["gconv_output.e"]
    # entries of tail: tail, nose; of the old tail: nose, tail
    torch.testing.assert_close(weights[:2], old[[6, 5]])


def test_networks_of_another_kind_do_not_mix() -> None:
    com = ComConfig(width=2)
    start = Checkpoint(build_network(com), CheckpointInfo(network=com), Path())
    assert not same_kind(build_network(config()), start)
    assert same_kind(build_network(ComConfig(n_animals=2, width=2)), start)


def test_com_networks_of_other_animals() -> None:
    old = ComConfig(n_animals=1, width=2)
    start = Checkpoint(
        build_network(old, 1), CheckpointInfo(network=old, animals=("white",)), Path()
    )
    new = ComConfig(n_animals=2, width=2)
    network = build_network(new, 2)
    info = CheckpointInfo(network=new, animals=("black", "white"))
    taken = transfer(network, info, start)
    ours, theirs = network.state_dict(), start.network.state_dict()
    assert torch.equal(ours["output_layer.weight"][1], theirs["output_layer.weight"][0])
    assert "begin anew" not in taken.in_words()


def test_reference_file_is_read_back(tmp_path: Path) -> None:
    bones = load_skeleton("mouse22").bones
    made = SdannceConfig(n_views=2, n_keypoints=22, width=32, bones=bones, hidden=8, fuse=4)
    info = CheckpointInfo(network=made, skeleton="mouse22", epoch=4)
    network = build_network(made, 1)
    read = load_checkpoint(write_reference(tmp_path / "a.pth", network, info))
    assert read.info.network == made.model_copy(update={"scale": "reference"})
    assert read.info.epoch == 4
    ours, theirs = network.state_dict(), read.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    content = torch.load(tmp_path / "a.pth", weights_only=True)
    assert set(content) == {"epoch", "state_dict", "optimizer", "params"}
    with pytest.raises(ValueError, match="no network of width 2"):
        write_reference(
            tmp_path / "b.pth", build_network(config()), CheckpointInfo(network=config())
        )
