"""Losses against the reference's numbers; those broken there against first principles."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from napari_sdannce.models.heatmaps import centred_axis, gaussian_targets
from napari_sdannce.settings.losses import AnyLoss
from napari_sdannce.skeletons import Skeleton, load_skeleton
from napari_sdannce.training.losses import Outcome, PoseKnowledge, Rows, make_terms
from napari_sdannce.training.losses.bones import body_symmetry_loss, bone_lengths, mirrored_bones
from napari_sdannce.training.losses.priors import compute_priors, read_priors

if TYPE_CHECKING:
    from pathlib import Path

RAT = load_skeleton("rat23")
MOUSE = load_skeleton("mouse22")
NOTHING = torch.zeros((0, 2), dtype=torch.long)


def parse(loss: Any) -> Any:
    return TypeAdapter(AnyLoss).validate_python(loss)


def outcome(predicted: torch.Tensor, truth: torch.Tensor | None = None, **more: Any) -> Outcome:
    truth = torch.full_like(predicted, torch.nan) if truth is None else truth
    rows = {name: more.pop(name, NOTHING) for name in ("copies", "chunks", "pairs")}
    logits = more.pop("logits", torch.zeros(len(predicted), predicted.shape[1], 8, 8, 8))
    unit = more.pop("unit", None)
    return Outcome(
        predicted, truth, more.pop("world", predicted), logits, more.pop("voxel_mm", 30.0), unit,
        Rows(**rows), **more,
    )  # fmt: skip


def term(loss: Any, skeleton: Skeleton = RAT, **known: Any) -> Any:
    """The one loss, beside an L1 that teaches."""
    head = known.get("head", "expectation")
    teacher = parse({"expectation": "L2Loss", "maximum": "BCELoss"}[head])
    asked = parse(loss)
    losses = [asked] if asked.name == teacher.name else [teacher, asked]
    poses = known.pop("poses", np.zeros((0, len(skeleton.keypoints), 3)))
    return make_terms(losses, PoseKnowledge(skeleton, poses, **known))[-1]


def value(loss: Any, seen: Outcome, skeleton: Skeleton = RAT, **known: Any) -> float:
    made = term(loss, skeleton, **known)
    return float(made.measure(seen)) * made.weight


@pytest.fixture
def stored(golden: Path) -> dict[str, Any]:
    inputs = {k: torch.from_numpy(v) for k, v in np.load(golden / "loss_inputs.npz").items()}
    return {"values": json.loads((golden / "loss_values.json").read_text()), **inputs}


def points(stored: dict[str, Any], name: str) -> torch.Tensor:
    return stored[name].transpose(1, 2).contiguous()


@pytest.mark.golden
@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("L1Loss", "L1Loss"),
        ("L1Loss_w0.5", "L1Loss:0.5"),
        ("L2Loss", "L2Loss"),
        ("WeightedL1Loss_default", "WeightedL1Loss"),
        ("WeightedL1Loss_[[0,2.0],[5,0.5],[7,3.0]]",
         {"name": "WeightedL1Loss", "joint_weights": [[0, 2.0], [5, 0.5], [7, 3.0]]}),
    ],
)  # fmt: skip
def test_labelled_losses_match_reference(stored: dict[str, Any], name: str, loss: Any) -> None:
    seen = outcome(points(stored, "pred"), points(stored, "gt"))
    assert value(loss, seen) == pytest.approx(stored["values"][name], rel=1e-5)


@pytest.mark.golden
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("abs", {"relative_scale": False}),
        ("abs_mask2", {"relative_scale": False, "mask": [2]}),
        ("abs_upper", {"relative_scale": False, "upper_only": True}),
        ("abs_std2", {"relative_scale": False, "std_multiplier": 2}),
        ("rel", {"ref_loss_weight": 0.1}),
        ("rel_mask2_ref0", {"mask": [2]}),
        ("rel_mask2_ref0_w0.5", {"mask": [2], "weight": 0.5}),
        ("rel_upper", {"upper_only": True, "ref_loss_weight": 0.1}),
        ("rel_refidx0", {"ref_index": 0, "ref_loss_weight": 0.1}),
    ],
)
def test_bone_lengths_match_reference(
    stored: dict[str, Any], tmp_path: Path, name: str, options: dict[str, Any]
) -> None:
    np.save(tmp_path / "priors.npy", stored["file_priors"].numpy())
    loss = {"name": "BoneLengthLoss", "priors": tmp_path / "priors.npy", **options}
    seen = outcome(points(stored, "pred"))
    expected = stored["values"][f"BoneLengthLoss_{name}"]
    assert value(loss, seen) == pytest.approx(expected, rel=1e-5)


@pytest.mark.golden
def test_other_losses_match_reference(stored: dict[str, Any]) -> None:
    values = stored["values"]
    pred, gt = points(stored, "pred"), points(stored, "gt_nonan")
    four, two = torch.arange(4)[None], torch.arange(4).reshape(2, 2)
    expected = {
        "ConsistencyLoss_c4": ("ConsistencyLoss", outcome(pred, copies=four)),
        "ConsistencyLoss_c2": ("ConsistencyLoss", outcome(pred, copies=two)),
        "TemporalLoss_2": ("TemporalLoss", outcome(pred, chunks=two)),
        "BoneVectorLoss": ("BoneVectorLoss", outcome(pred, gt)),
        "HuberLoss_nonan(ignores weight)": ("HuberLoss", outcome(pred, gt)),
    }
    for name, (loss, seen) in expected.items():
        assert value(loss, seen) == pytest.approx(values[name], rel=1e-5), name
    close = outcome(points(stored, "pair_close"), pairs=two)
    apart = {"name": "PairRepulsionLoss", "delta": 20, "pairwise": True}
    assert value(apart, close, n_animals=2) == pytest.approx(
        values["PairRepulsionLoss_d20_pairwise"], rel=1e-5
    )
    heatmaps = outcome(pred, logits=stored["heatmaps"], silhouettes=stored["sils"])
    assert value("SilhouetteLoss2D", heatmaps, has_masks=True) == pytest.approx(
        values["SilhouetteLoss2D"], rel=1e-5
    )
    hull = outcome(pred, logits=stored["heatmaps"], silhouettes=stored["visual_hull"])
    assert value("SilhouetteLoss", hull, has_masks=True) == pytest.approx(
        values["SilhouetteLoss"], rel=1e-5
    )


@pytest.mark.golden
def test_symmetry_matches_reference(stored: dict[str, Any]) -> None:
    # the reference's list has two of the limbs on the wrong side, so its value is met by its list
    left = ((1, 2), (0, 3), (9, 10), (10, 11), (11, 3), (12, 13), (16, 17), (17, 18), (18, 4))
    right = ((0, 2), (1, 3), (13, 14), (14, 15), (15, 3), (8, 9), (19, 20), (20, 21), (21, 4))
    found = body_symmetry_loss(points(stored, "mouse22"), left, right)
    assert float(found) == pytest.approx(stored["values"]["BodySymmetryLoss_mouse22"], rel=1e-5)
    ours = mirrored_bones(MOUSE.bones, MOUSE.pairs)
    sides = {frozenset((frozenset(a), frozenset(b))) for a, b in zip(*ours, strict=True)}
    theirs = {frozenset((frozenset(a), frozenset(b))) for a, b in zip(left, right, strict=True)}
    assert sides == theirs


@pytest.mark.golden
def test_priors_match_reference(stored: dict[str, Any], tmp_path: Path) -> None:
    poses = stored["prior_poses"].numpy()
    poses = poses[np.isfinite(poses).all(axis=(1, 2))]
    found = compute_priors(poses, RAT.bones, reference=3)
    np.testing.assert_allclose(found.table, stored["computed_priors"].numpy(), rtol=1e-6)
    lengths = np.linalg.norm(poses[:, 1] - poses[:, 2], axis=-1)
    assert found.reference_mm == pytest.approx(lengths.mean())


def test_huber_heeds_weight_and_missing_labels() -> None:
    truth = torch.zeros(1, 23, 3)
    predicted = torch.zeros(1, 23, 3)
    predicted[0, 0] = torch.tensor([0.5, 3.0, 7.0])
    truth[0, 0, 2] = torch.nan
    truth[0, 5:] = torch.nan
    # two of fourteen coordinates differ: half a square, and one less a half
    assert value("HuberLoss:2", outcome(predicted, truth)) == pytest.approx(2 * (0.125 + 2.5) / 14)


def test_distances_of_copies_and_moments_are_euclidean() -> None:
    poses = torch.zeros(4, 23, 3)
    poses[1] += torch.tensor([3.0, 4.0, 0.0])
    poses[2] += torch.tensor([3.0, 4.0, 12.0])
    poses[3] += torch.tensor([3.0, 4.0, 12.0])
    rows = torch.arange(4)[None]
    assert value("ConsistencyLoss:1,method=l2", outcome(poses, copies=rows)) == pytest.approx(
        17 / 3
    )
    assert value("TemporalLoss:1,method=l2", outcome(poses, chunks=rows)) == pytest.approx(17 / 3)
    assert value("ConsistencyLoss", outcome(poses, copies=rows)) == pytest.approx(19 / 9)


def test_one_copy_is_consistent() -> None:
    poses = torch.ones(1, 23, 3, requires_grad=True)
    loss = term("ConsistencyLoss").measure(outcome(poses, copies=torch.zeros(1, 1).long()))
    assert float(loss.detach()) == 0
    loss.backward()
    assert term("ConsistencyLoss").measure(outcome(poses)) is None


def test_two_volumes_of_each_of_two_animals_are_consistent() -> None:
    """In order: both volumes of one animal, then both of the other, in the world."""
    one, other = torch.zeros(23, 3), torch.full((23, 3), 100.0)
    rows = torch.tensor([[0, 1], [2, 3]])
    same = torch.stack([one, one, other, other])
    assert value("PairConsistencyLoss", outcome(same, copies=rows), n_animals=2) == 0
    moved = torch.stack([one, one + torch.tensor([3.0, 0, 0]), other, other - 6])
    found = value("PairConsistencyLoss", outcome(moved, copies=rows), n_animals=2)
    assert found == pytest.approx((1 + 6) / 2)
    # an animal's volume is never compared with one of the other
    swapped = torch.stack([one, other, one, other])
    assert value("PairConsistencyLoss", outcome(swapped, copies=rows), n_animals=2) == 100


def test_repulsion_compares_every_keypoint_with_every_other() -> None:
    poses = torch.zeros(2, 23, 3)
    poses[0, :, 0] = 100 * torch.arange(23)
    poses[1] = poses[0] + 1000.0
    poses[1, 7] = poses[0, 3] + torch.tensor([0.0, 0.0, 2.0])
    pairs = torch.tensor([[0, 1]])
    found = value("PairRepulsionLoss:1,delta=5", outcome(poses, pairs=pairs), n_animals=2)
    assert found == pytest.approx(3 / 23**2)
    # no two keypoints of the same name are near
    same = "PairRepulsionLoss:1,delta=5,pairwise=true"
    assert value(same, outcome(poses, pairs=pairs), n_animals=2) == 0


def test_gaussian_regularisation_knows_its_sigma() -> None:
    where = torch.zeros(1, 23, 3)
    spot = gaussian_targets(where, 8, 3.0, 6.0)
    seen = outcome(where, logits=torch.logit(spot.clamp(1e-6, 1 - 1e-6)), voxel_mm=3.0)
    assert value("GaussianRegLoss:1,sigma=6", seen) == pytest.approx(0, abs=1e-9)
    assert value("GaussianRegLoss:1,sigma=3", seen) > 1e-2
    entropy = -(spot * spot.log() + (1 - spot) * (1 - spot).log()).mean()
    assert value("GaussianRegLoss:1,sigma=6,method=cross_entropy", seen) == pytest.approx(
        float(entropy), rel=1e-3
    )


def test_variance_is_the_spread_in_mm() -> None:
    sigma, voxel = 7.0, 2.0
    axis = centred_axis(64, voxel, torch.zeros(1))
    logits = -(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2) / (2 * sigma**2)
    seen = outcome(torch.zeros(1, 1, 3), logits=logits[None, None], voxel_mm=voxel)
    one = Skeleton("one", ("a",))
    assert value("VarianceLoss", seen, one) == pytest.approx(math.sqrt(3) * sigma, rel=1e-3)


CHAIN = Skeleton("chain", ("a", "b", "c"), ((0, 1), (1, 2)))


def bent(angle: float, length: float = 10.0) -> torch.Tensor:
    """A chain of two bones that meet at an angle (degrees)."""
    turn = math.radians(angle)
    end = [length * math.cos(turn), length * math.sin(turn), 0.0]
    return torch.tensor([[[length, 0.0, 0.0], [0.0, 0.0, 0.0], end]])


def test_joint_angles_in_radians() -> None:
    seen = outcome(bent(90), bent(60, length=25.0))
    assert value("JointAngleLoss", seen, CHAIN) == pytest.approx(math.pi / 6, abs=1e-4)
    straight = bent(180).requires_grad_()
    term("JointAngleLoss", CHAIN).measure(outcome(straight, bent(170))).backward()
    assert torch.isfinite(straight.grad).all()


def test_kinematic_chain_holds_lengths_and_angles() -> None:
    # vectors b - a and c - b: products 100, 100 and -100 cos(angle)
    seen = outcome(bent(90), bent(60))
    assert value("KCSLoss", seen, CHAIN) == pytest.approx(2 * 50 / 4, rel=1e-5)
    unlabelled = bent(60)
    unlabelled[0, 2] = torch.nan
    assert value("KCSLoss", outcome(bent(90), unlabelled), CHAIN) == pytest.approx(0, abs=1e-4)


def test_bone_vectors_leave_out_masked_and_unlabelled_bones() -> None:
    truth = bent(90)
    predicted = truth.clone()
    predicted[0, 2] += torch.tensor([3.0, 0.0, 4.0])
    assert value("BoneVectorLoss", outcome(predicted, truth), CHAIN) == pytest.approx(2.5)
    masked = {"name": "BoneVectorLoss", "mask": [1]}
    assert value(masked, outcome(predicted, truth), CHAIN) == 0
    truth[0, 0] = torch.nan
    predicted.requires_grad_()
    loss = term("BoneVectorLoss", CHAIN).measure(outcome(predicted, truth))
    assert float(loss.detach()) == pytest.approx(5)
    loss.backward()
    assert torch.isfinite(predicted.grad).all()


def test_separation_pushes_keypoints_apart() -> None:
    seen = outcome(torch.tensor([[[0.0, 0, 0], [3.0, 0, 0], [50.0, 0, 0]]]))
    assert value("SeparationLoss:1,delta=5", seen, CHAIN) == pytest.approx(2 / 3)


def test_l1_is_in_voxels_where_poses_are_refined() -> None:
    truth = torch.zeros(2, 23, 3)
    made = term("L1Loss", refines=True)
    assert made.name == "L1DiffLoss"
    assert float(made.measure(outcome(truth + 6, truth, unit=3.0))) == pytest.approx(2)
    assert made.measure(outcome(truth, unit=3.0)) is None


def test_heatmap_losses_teach_the_place_of_a_maximum() -> None:
    truth = torch.zeros(1, 23, 3)
    truth[0, 4] = torch.nan
    spot = gaussian_targets(truth.nan_to_num(0), 8, 30.0, 20.0)
    off = spot + 0.5
    off[0, 4] = 1e6
    seen = outcome(truth, truth, logits=off)
    assert value("MSELoss", seen, head="maximum", sigma_mm=20.0) == pytest.approx(0.25, rel=1e-5)
    same = value("BCEWithLogitsLoss:2", seen, head="maximum", sigma_mm=20.0)
    assert same == pytest.approx(2 * value("BCELoss", seen, head="maximum", sigma_mm=20.0))


def test_priors_need_labels_of_every_bone(tmp_path: Path) -> None:
    poses = np.random.default_rng(0).normal(size=(5, 3, 3))
    poses[1:, 2] = np.nan
    with pytest.raises(ValueError, match=r"BoneLengthLoss: .*keypoints \[\(1, 2\)\] are labelled"):
        term("BoneLengthLoss:1,ref_index=0", CHAIN, poses=poses)
    poses[1, 2] = 0
    found = compute_priors(poses, CHAIN.bones)
    lengths = np.linalg.norm(poses[:, 0] - poses[:, 1], axis=-1)
    np.testing.assert_allclose(found.table[0], (lengths.mean(), lengths.std()))


def test_masked_bones_need_no_labels(tmp_path: Path) -> None:
    poses = np.arange(27.0).reshape(3, 3, 3) ** 1.1
    poses[:, 2] = np.nan
    asked = {"name": "BoneLengthLoss", "mask": [1], "ref_index": 0}
    made = term(asked, CHAIN, poses=poses)
    predicted = torch.rand(2, 3, 3, requires_grad=True)
    loss = made.measure(outcome(predicted * 30))
    loss.backward()
    assert torch.isfinite(loss)
    assert predicted.grad is not None
    assert torch.isfinite(predicted.grad).all()
    # what a run keeps can be given to another one with that mask, and to no other
    path = tmp_path / "priors.npy"
    np.save(path, made.priors.table)
    term({**asked, "priors": str(path)}, CHAIN)
    with pytest.raises(ValueError, match="positive and finite"):
        term({**asked, "mask": [], "priors": str(path)}, CHAIN)


def test_a_bone_without_length_is_no_unit() -> None:
    poses = np.random.default_rng(0).normal(size=(5, 3, 3))
    poses[0, 1] = poses[0, 0]
    found = compute_priors(poses, CHAIN.bones, reference=0)
    assert np.isfinite(found.table).all()


def test_angles_need_bones_that_meet() -> None:
    apart = Skeleton("apart", ("a", "b", "c", "d"), ((0, 1), (2, 3)))
    with pytest.raises(ValueError, match="no two bones of skeleton 'apart' meet"):
        term("JointAngleLoss", apart)


def test_priors_files_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "priors.npy"
    with pytest.raises(FileNotFoundError, match="no priors"):
        read_priors(path, 2)
    for content, complaint in (
        (np.ones((3, 2)), r"shape \(3, 2\), expected an .npy of \(2, 2\)"),
        (np.array([["a", "b"]] * 2), "holds <U1"),
        (np.zeros((2, 2)), "must be positive"),
    ):
        np.save(path, content)
        with pytest.raises(ValueError, match=complaint) as caught:
            read_priors(path, 2)
        assert str(path) in str(caught.value)
    path.write_bytes(b"PK\x03\x04 of no archive")
    with pytest.raises(ValueError, match="not readable as numbers"):
        read_priors(path, 2)
    # a header that promises 16 TB fills no memory
    with path.open("wb") as file:
        head = {"descr": "<f8", "fortran_order": False, "shape": (10**9, 2000)}
        np.lib.format.write_array_header_1_0(file, head)
    with pytest.raises(ValueError, match="not readable as numbers"):
        read_priors(path, 2)
    np.save(path, np.array([[1.0, 0.0], [2.0, 0.1]]))
    ratios = {"name": "BoneLengthLoss", "priors": path, "ref_index": 0}
    double = torch.tensor([[[10.0, 0, 0], [0, 0, 0], [0, 20.0, 0]]])
    assert value(ratios, outcome(double), CHAIN) == 0
    with pytest.raises(ValueError, match="so there is no length for"):
        term({**ratios, "ref_loss_weight": 0.5}, CHAIN)


@pytest.mark.parametrize(
    ("loss", "known", "complaint"),
    [
        ("MSELoss", {}, "needs head 'maximum'"),
        ("ConsistencyLoss", {"head": "maximum"}, "needs head 'expectation'"),
        ("PairRepulsionLoss", {}, "needs two animals"),
        ("SilhouetteLoss", {}, "needs masks"),
        ({"name": "BoneVectorLoss", "mask": [2]}, {}, "no bone 2: 'chain' has bones 0 to 1"),
        ({"name": "BoneVectorLoss", "mask": [0, 1]}, {}, "'mask' leaves none of the 2 bones"),
        ("BoneLengthLoss", {}, "no bone 3"),
        ("BodySymmetryLoss", {}, "no bones with a mirrored twin"),
        ({"name": "WeightedL1Loss", "joint_weights": [[3, 1.0]]}, {}, "names keypoint 3"),
    ],
)
def test_contradictions_are_errors(loss: Any, known: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        term(loss, CHAIN, **known)


def test_losses_that_teach_nothing_are_errors() -> None:
    known = PoseKnowledge(CHAIN, np.zeros((0, 3, 3)))
    with pytest.raises(ValueError, match="none of SeparationLoss compares with the labels"):
        make_terms([parse("SeparationLoss")], known)
    with pytest.raises(ValueError, match="L1Loss has the weight 0"):
        make_terms([parse("L1Loss:0"), parse("SeparationLoss")], known)
    with pytest.raises(ValueError, match="'weight' is there twice in 'L1Loss:1,weight=3'"):
        parse("L1Loss:1,weight=3")
    with pytest.raises(ValueError, match="L1Loss is there twice"):
        make_terms([parse("L1Loss"), parse("L1Loss:2")], known)


def test_losses_as_text() -> None:
    loss = parse("BoneLengthLoss:0.5,std_multiplier=2,relative_scale=false")
    assert (loss.weight, loss.std_multiplier, loss.relative_scale) == (0.5, 2.0, False)
    assert parse("BoneLengthLoss:0.5,mask=2").mask == (2,)
    assert parse("BoneVectorLoss:1,mask=2 + 5").mask == (2, 5)
    assert parse({"name": "BoneLengthLoss", "mask": [2, 5]}).mask == (2, 5)
    for wrong in (
        "BoneLengthLoss:1,mask=2+",
        "L3Loss",
        "L1Loss:much",
        "L1Loss:1,colour=red",
        "L1Loss:-1",
    ):
        with pytest.raises(ValidationError):
            parse(wrong)
    with pytest.raises(ValidationError, match=r"got '5' \(decimals have a point: 0.5\)"):
        parse("L1Loss:0,5")


def test_gradient_of_bone_lengths_is_finite_for_a_collapsed_pose() -> None:
    flat = torch.zeros(1, 3, 3, requires_grad=True)
    bone_lengths(flat, CHAIN.bones).sum().backward()
    assert torch.isfinite(flat.grad).all()
