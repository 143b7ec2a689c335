from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from napari_sdannce.training.splits import Split, reference_split, stratified_split

if TYPE_CHECKING:
    from pathlib import Path

CASES = {
    "per_exp4_seed1024": {"n_validation": 4, "seed": 1024},
    "per_exp2_seed42": {"n_validation": 2, "seed": 42},
    "valid_exp2_v5": {"n_validation": 5, "seed": 42, "validation_experiments": [2]},
    "valid_exp1_all": {"n_validation": 50, "seed": 42, "validation_experiments": [1]},
    "train10": {"n_validation": 4, "seed": 42, "n_train": 10},
    "v0": {"n_validation": 0, "seed": 42},
}


@pytest.mark.golden
@pytest.mark.parametrize("name", CASES)
def test_draws_of_the_reference(golden: Path, name: str) -> None:
    stored = json.loads((golden / "data_splits.json").read_text())
    samples = stored["samples"]
    counts = [sum(sample.startswith(f"{e}_") for sample in samples) for e in range(3)]
    split = reference_split(counts, **CASES[name])
    assert [samples[i] for i in split.train] == stored[name]["train"]
    assert [samples[i] for i in split.validation] == stored[name]["valid"]


def test_a_share_of_what_does_not_validate_trains() -> None:
    def trained(split: Split) -> list[int]:
        return [int((split.train < 20).sum()), int((split.train >= 20).sum())]

    for found in (
        reference_split([20, 7], 4, seed=3, share=0.5),
        stratified_split([20, 7], 4, share=0.5),
    ):
        # a stratified split keeps at most half of an experiment
        n_validation = [int((found.validation < 20).sum()), int((found.validation >= 20).sum())]
        assert trained(found) == [(20 - n_validation[0]) // 2, (7 - n_validation[1]) // 2]
        assert not set(found.train) & set(found.validation)
    assert trained(reference_split([20, 7], 4, seed=3, share=0.5, n_train=2)) == [2, 1]
    # one is always left
    assert trained(reference_split([20, 7], 4, seed=3, share=0.01)) == [1, 1]


def test_reference_split_wants_enough_frames() -> None:
    with pytest.raises(ValueError, match="experiment 1 has 3 labelled frames, 4 are wanted"):
        reference_split([5, 3], 4, seed=0)
    with pytest.raises(ValueError, match="rat has 3 labelled frames, 4 are wanted"):
        reference_split([5, 3], 4, seed=0, names=["mouse", "rat"])


@pytest.mark.parametrize(("counts", "wanted"), [([60], 4), ([10, 30], 6), ([3], 4), ([1], 4)])
def test_stratified_split_parts_all_frames(counts: list[int], wanted: int) -> None:
    split = stratified_split(counts, wanted)
    both = np.concatenate([split.train, split.validation])
    assert sorted(both) == list(range(sum(counts)))
    starts = np.cumsum([0, *counts])
    for i, count in enumerate(counts):
        mine = (split.validation >= starts[i]) & (split.validation < starts[i + 1])
        assert mine.sum() == min(wanted, count // 2)


def test_stratified_split_keeps_stretches_apart_and_inside() -> None:
    chosen = stratified_split([100], 9).validation
    stretches = np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1)
    assert [len(stretch) for stretch in stretches] == [3, 3, 3]
    assert np.diff([stretch[0] for stretch in stretches]).min() > 25
    assert stretches[0][0] > 5
    assert stretches[-1][-1] < 95


@pytest.mark.parametrize("step", [1, 24])
def test_neighbours_of_frames_that_validate_do_not_train(step: int) -> None:
    split = stratified_split([60], 9, moments=[step * np.arange(60)])
    apart = np.abs(split.train[:, None] - split.validation[None])
    assert len(split.validation) == 9
    assert apart.min() == 2
    assert len(split.train) == 60 - 9 - 2 * 3


def test_frames_far_from_one_another_all_serve() -> None:
    split = stratified_split([60], 9, moments=[25 * np.arange(60)])
    assert len(split.train) + len(split.validation) == 60
    # of very few frames, none can be spared
    few = stratified_split([4], 2, moments=[np.arange(4)])
    assert len(few.train) + len(few.validation) == 4
