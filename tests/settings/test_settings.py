from __future__ import annotations

import subprocess
import sys

import pytest
from pydantic import BaseModel, ValidationError

from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
    VolumeSettings,
)

JOBS = (ComTrainSettings, ComPredictSettings, DannceTrainSettings, DanncePredictSettings)


@pytest.mark.parametrize("job", JOBS)
def test_every_setting_says_what_it_is(job: type[BaseModel]) -> None:
    for name, field in job.model_fields.items():
        nested = isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
        assert field.description or nested, name


@pytest.mark.parametrize(("width", "channels"), [("quarter", 8), ("full", 64), ("12", 12), (3, 3)])
def test_width_by_name_or_number(width: object, channels: int) -> None:
    assert DannceTrainSettings.model_validate({"width": width}).width == channels


@pytest.mark.parametrize(
    "wrong",
    [
        {"volume": {"voxels": 20}},
        {"volume": {"size_mm": 0}},
        {"volume": {"interpolation": "cubic"}},
        {"width": "narrow"},
        {"learning_rate": -1},
        {"device": "gpu"},
        {"epochs": 0},
        {"stride": 2},
    ],
)
def test_what_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DannceTrainSettings.model_validate(wrong)


@pytest.mark.parametrize("norm", ["Batch", "node_pr_0", "node_pr_", "node_x"])
def test_norms_of_graphs_that_do_not_exist_are_refused(norm: str) -> None:
    with pytest.raises(ValidationError, match="norm"):
        SdannceTrainSettings.model_validate({"graph": {"norm": norm}})
    SdannceTrainSettings.model_validate({"graph": {"norm": "node_pr_3"}})


def test_settings_are_values() -> None:
    volume = VolumeSettings(size_mm=120, voxels=48)
    assert volume.voxel_mm == 2.5
    with pytest.raises(ValidationError, match="frozen"):
        volume.voxels = 8  # type: ignore[misc]
    for job in JOBS:
        given = job.model_validate({"checkpoint": "x"} if "checkpoint" in job.model_fields else {})
        assert job.model_validate_json(given.model_dump_json()) == given


def test_numbers_as_yaml_writes_them() -> None:
    """YAML 1.1 reads 1e-4 as text; it is a number all the same (defect D33)."""
    assert DannceTrainSettings.model_validate({"learning_rate": "1e-4"}).learning_rate == 1e-4


@pytest.mark.parametrize("module", ["napari_sdannce.cli", "napari_sdannce.settings"])
def test_import_is_light(module: str) -> None:
    code = f"import sys, {module}; print([m for m in ('torch', 'napari') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_yes_is_no_number() -> None:
    """YAML writes ``yes`` as it writes ``true``."""
    for wrong in ({"steps": True}, {"learning_rate": True}, {"volume": {"voxels": True}}):
        with pytest.raises(ValidationError, match="expected a number, not yes or no"):
            DannceTrainSettings.model_validate(wrong)
    assert DannceTrainSettings.model_validate({"mirror": True}).mirror
