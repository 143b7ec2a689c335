"""What settings classes ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    Settings,
)
from napari_sdannce.settings.fields import SettingField, fields_of, look_up, put


def named(model: type[Settings]) -> dict[str, SettingField]:
    return {".".join(field.path): field for field in fields_of(model)}


def test_kinds_limits_and_defaults() -> None:
    fields = named(DannceTrainSettings)
    epochs = fields["epochs"]
    assert (epochs.kind, epochs.default, epochs.low, epochs.may_be_left) == (int, 100, 1, False)
    voxels = fields["volume.voxels"]
    assert (voxels.low, voxels.high, voxels.step, voxels.default) == (8, 256, 8, 80)
    assert fields["volume.interpolation"].choices[0] == "nearest"
    assert (fields["com_jitter_mm"].unit, fields["com_jitter_mm"].kind) == ("mm", float)
    assert fields["n_views"].may_be_left
    assert fields["width"].high == 256
    assert (fields["start_from"].kind, fields["start_from"].default) == (Path, None)


def test_parts_that_may_be_left_to_training() -> None:
    fields = named(DanncePredictSettings)
    voxels = fields["volume.voxels"]
    assert (voxels.default, voxels.may_be_left, voxels.kind) == (None, True, int)
    crop = named(ComPredictSettings)["image.crop_rows"]
    assert (crop.kind, crop.is_tuple, crop.may_be_left) == (int, True, True)
    assert named(ComPredictSettings)["pixel_origin"].choices == ("matlab", "zero", "reference")


def test_where_none_is_a_value_of_its_own() -> None:
    fields = named(ComPredictSettings)
    assert {name for name, field in fields.items() if field.can_be_none} == {
        "max_error_px",  # 40 px unless one says that there is no limit
        "image.crop_rows",  # as in training unless one says that nothing is cut off
        "image.crop_columns",
    }


def test_what_no_form_can_show() -> None:
    class Loss(Settings):
        name: Literal["L1"] = "L1"

    class Later(DannceTrainSettings):
        losses: tuple[Loss, ...] = (Loss(),)
        weights: dict[str, float] = Field(default_factory=dict)
        either: int | str = 3

    fields = named(Later)
    assert {name for name, field in fields.items() if not field.is_simple} >= {
        "losses", "weights", "either", "experiments",
    }  # fmt: skip


@pytest.mark.parametrize("model", [ComTrainSettings, ComPredictSettings, DannceTrainSettings])
def test_every_field_explains_itself(model: type[Settings]) -> None:
    assert not [path for path, field in named(model).items() if not field.help]


def test_nested_values() -> None:
    values: dict[str, object] = {}
    put(values, ("a", "b"), 3)
    put(values, ("a", "c"), 4)
    assert values == {"a": {"b": 3, "c": 4}}
    assert look_up(values, ("a", "c")) == 4
    assert look_up(values, ("a", "c", "d")) is None
    assert look_up(values, ("x",)) is None
    assert look_up(values, ("x",), "absent") == "absent"


def test_what_must_be_given() -> None:
    required = [name for name, field in named(DanncePredictSettings).items() if field.is_required]
    assert required == ["checkpoint"]
