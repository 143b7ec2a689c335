"""Forms made from settings classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import Field
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QGuiApplication, QWheelEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QFileDialog

from napari_sdannce.jobs.gpus import cuda_devices
from napari_sdannce.settings import (
    ComPredictSettings,
    ComTrainSettings,
    DanncePredictSettings,
    DannceTrainSettings,
    ExperimentSettings,
    Settings,
)
from napari_sdannce.widgets.breakable import SelectableLabel, breakable
from napari_sdannce.widgets.setting_editors import FilesEditor
from napari_sdannce.widgets.setting_words import label_of, shorten
from napari_sdannce.widgets.settings_form import SettingsForm

pytestmark = pytest.mark.window

NETWORK = Path("/nets/net.safetensors")


@pytest.fixture
def make(qtbot: Any) -> Any:
    def made(model: type[Settings], *first: tuple[str, ...], **more: Any) -> SettingsForm:
        form = SettingsForm(model, first, **more)
        qtbot.addWidget(form)
        return form

    return made


@pytest.mark.parametrize(
    ("model", "given"),
    [
        (ComTrainSettings, {}),
        (DannceTrainSettings, {}),
        (ComPredictSettings, {"checkpoint": NETWORK}),
        (DanncePredictSettings, {"checkpoint": NETWORK}),
    ],
)
def test_an_untouched_form_gives_the_defaults(
    make: Any, model: type[Settings], given: dict[str, Any]
) -> None:
    form = make(model)
    for name, value in given.items():
        form.rows[(name,)].editor.set(value)
    assert form.settings() == model(**given)
    assert form.settings().model_fields_set == set(given)


def test_what_is_chosen_is_typed(make: Any) -> None:
    form = make(DannceTrainSettings, ("epochs",))
    chosen = {
        ("epochs",): 7, ("steps",): "300", ("learning_rate",): "1e-4", ("width",): 8,
        ("volume", "voxels"): 32, ("volume", "interpolation"): "linear", ("mono",): True,
        ("start_from",): "/a.pth", ("schedule",): "step",
    }  # fmt: skip
    for path, value in chosen.items():
        form.rows[path].editor.set(value)
    assert form.settings() == DannceTrainSettings(
        epochs=7, steps=300, learning_rate=1e-4, width=8, mono=True, start_from=Path("/a.pth"),
        volume={"voxels": 32, "interpolation": "linear"}, schedule="step",
    )  # fmt: skip


def test_what_is_left_open_stays_open(make: Any) -> None:
    form = make(DanncePredictSettings, ("checkpoint",))
    form.rows[("checkpoint",)].editor.set(NETWORK)
    form.rows[("volume", "size_mm")].editor.set("140")
    settings = form.settings()
    assert settings.volume.model_fields_set == {"size_mm"}
    line = form.rows[("volume", "size_mm")].editor.native
    assert line.placeholderText() == "as in training"
    assert form.rows[("count",)].editor.native.placeholderText() == "to the end"
    training = make(DannceTrainSettings)
    assert training.rows[("drop_keypoints",)].editor.native.placeholderText() == "none"
    com = make(ComTrainSettings)
    assert com.rows[("image", "crop_rows")].editor.native.placeholderText() == "all"
    assert label_of(form.rows[("cluster_job", "count")].field) == "Jobs"
    assert label_of(form.rows[("count",)].field) == "How many frames"


def test_paths_copied_from_a_label_are_paths(make: Any, qtbot: Any) -> None:
    label = SelectableLabel()
    qtbot.addWidget(label)
    label.setText(breakable("/data/my-run.2/best.safetensors"))
    label.setSelection(0, len(label.text()))
    QTest.keyClick(label, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QGuiApplication.clipboard().text() == "/data/my-run.2/best.safetensors"
    form = make(DanncePredictSettings, ("checkpoint",))
    form.rows[("checkpoint",)].editor.set(breakable("/data/my-run.2/best.safetensors"))
    assert form.settings().checkpoint == Path("/data/my-run.2/best.safetensors")


def test_several_values_stand_between_commas(make: Any) -> None:
    form = make(ComPredictSettings)
    for path, text in {
        ("checkpoint",): "/n.pth",
        ("cameras",): "left,  right",
        ("image", "crop_rows"): "10, 200",
    }.items():
        form.rows[path].editor.set(text)
    settings = form.settings()
    assert settings.cameras == ("left", "right")
    assert settings.image.crop_rows == (10, 200)
    one = make(ExperimentSettings, without=("folder",))
    one.rows[("labels",)].editor.set(("/a.mat", "/b.mat"))
    assert one.settings(folder=Path("/x")).labels == (Path("/a.mat"), Path("/b.mat"))


def test_what_is_wrong_is_said_beside_its_field(make: Any) -> None:
    form = make(DannceTrainSettings)
    form.rows[("learning_rate",)].editor.set("quick")
    form.rows[("volume", "size_mm")].editor.set("-3")
    assert form.settings() is None
    troubles = {path: row.trouble for path, row in form.rows.items() if row.trouble}
    assert troubles == {
        ("learning_rate",): "must be a number",
        ("volume", "size_mm"): "must be greater than 0",
    }
    assert form.trouble.isHidden()
    form.rows[("learning_rate",)].editor.set("0.1")
    form.rows[("volume", "size_mm")].editor.set("3")
    form.rows[("views",)].editor.set("all")
    form.rows[("n_views",)].editor.set("3")
    assert form.settings() is None
    assert not any(row.trouble for row in form.rows.values())
    assert "n_views 3 needs views to be" in form.trouble.text().replace("\u200b", "")
    predict = make(DanncePredictSettings)
    assert predict.settings() is None
    assert predict.rows[("checkpoint",)].trouble == "must be given"


def test_fields_a_form_can_not_show_are_named_and_kept(make: Any) -> None:
    class Loss(Settings):
        weight: float = 1.0

    class Later(DannceTrainSettings):
        losses: tuple[Loss, ...] = Field((Loss(),), description="What is to be small")

    form = make(Later, without=("experiments",))
    assert "losses" in [field.name for field in form.unshown]
    assert form.settings().losses == (Loss(),)
    form.fill({"epochs": 9, "losses": [{"weight": 2.0}], "volume": {"voxels": 24}})
    settings = form.settings()
    assert (settings.epochs, settings.losses, settings.volume.voxels) == (
        9,
        (Loss(weight=2.0),),
        24,
    )
    form.fill({})
    assert form.settings() == Later()


def test_none_in_a_file_is_not_the_default(make: Any) -> None:
    form = make(ComPredictSettings)
    values = {"checkpoint": NETWORK, "max_error_px": None, "image": {"crop_rows": None}}
    form.fill(values)
    given = ComPredictSettings(**values)
    assert form.settings() == given
    assert form.settings().image.model_fields_set == {"crop_rows"}
    assert form.rows[("max_error_px",)].editor.native.text() == "none"
    form.rows[("image", "crop_rows")].editor.set("5, 20")
    form.rows[("max_error_px",)].editor.set("12")
    settings = form.settings()
    assert (settings.image.crop_rows, settings.max_error_px) == ((5, 20), 12.0)
    form.fill({"checkpoint": NETWORK, "count": None, "image": None})
    assert form.settings() == ComPredictSettings(checkpoint=NETWORK)
    assert form.settings().image is None


def test_units_names_and_help(make: Any) -> None:
    form = make(DannceTrainSettings, ("epochs",))
    jitter = form.rows[("com_jitter_mm",)]
    assert (jitter.label.text(), jitter.unit.text()) == ("COM jitter", "mm")
    assert "anew each time" in jitter.label.toolTip()
    assert "Default: 20" in jitter.label.toolTip()
    assert form.rows[("epochs",)].below.text() == "Passes over the training examples"
    assert form.rows[("seed",)].below.isHidden()
    assert form.rows[("volume", "voxels")].editor.native.maximum() == 256


def test_long_names_are_shortened() -> None:
    assert shorten("two_rats", 8) == "two_rats"
    assert shorten("two_rats_of_tuesday", 9) == "two_…sday"


def test_the_wheel_scrolls_and_changes_nothing(make: Any) -> None:
    form = make(DannceTrainSettings, ("epochs",))
    box = form.rows[("epochs",)].editor.native
    turn, none = QPoint(0, -120), QPoint(0, 0)
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), none, turn, Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(box, event)
    assert form.rows[("epochs",)].editor.get() == 100
    assert not event.isAccepted()


def test_label_files_can_be_chosen(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    form = make(ExperimentSettings, without=("folder",))
    chosen = ["/a/x_dannce.mat", "/a/y_dannce.mat"]
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: (chosen, ""))
    editor = form.rows[("labels",)].editor
    assert isinstance(editor, FilesEditor)
    editor._button.click()
    settings = form.settings(folder="/a")
    assert settings.labels == tuple(map(Path, chosen))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_, **__: ([], ""))
    editor._button.click()  # and none was chosen
    assert form.settings(folder="/a") == settings


def test_choices_are_words(make: Any) -> None:
    form = make(ExperimentSettings, without=("folder",))
    box = form.rows[("pixel_origin",)].editor.native
    shown = [box.itemText(row) for row in range(box.count())]
    assert shown == ["(1, 1) as MATLAB", "(0, 0)", "as s-DANNCE's weights learned it"]


def test_every_gpu_can_be_chosen(make: Any, tmp_path: Path, monkeypatch: Any) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'GPU 0: H100 (UUID: a)'\necho 'GPU 1: H100 (UUID: b)'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    cuda_devices.cache_clear()
    try:
        box = make(DannceTrainSettings).rows[("device",)].editor.native
    finally:
        cuda_devices.cache_clear()
    shown = [box.itemText(row) for row in range(box.count())]
    assert shown == ["auto", "cpu", "cuda", "mps", "cuda:1"]


def test_a_path_with_a_comma_is_one_path(make: Any) -> None:
    form = make(ExperimentSettings, without=("folder",))
    editor = form.rows[("labels",)].editor
    editor.set(["/a/one,two/x_dannce.mat", "/a/y_dannce.mat"])
    expected = (Path("/a/one,two/x_dannce.mat"), Path("/a/y_dannce.mat"))
    assert form.settings(folder="/a").labels == expected
    editor._box.value = "/a/z_dannce.mat, /a/y_dannce.mat"
    assert form.settings(folder="/a").labels == (Path("/a/z_dannce.mat"), expected[1])


def test_a_choice_that_is_left_open_says_what_holds_then(qapp: Any) -> None:
    from napari_sdannce.settings.capture import CameraSettings

    form = SettingsForm(CameraSettings, first=(("pixel_format",),))
    editor = form.rows["pixel_format",].editor
    assert editor.native.currentText() == "as the camera has it"
    editor.set("Mono8")
    editor.set(None)
    assert (editor.get(), editor.native.currentText()) == (None, "as the camera has it")
    editor.set("Mono12")  # of a file
    assert editor.get() == "Mono12"
