"""What is said of a board recording before it is calibrated from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from napari_sdannce.calibration.boards.board_file import write_board
from napari_sdannce.jobs.calibrating import Asked, check_calibration, new_results
from napari_sdannce.jobs.checks import Verdict
from napari_sdannce.settings.calibrate import CalibrateSettings

if TYPE_CHECKING:
    from pathlib import Path


def said(asked: Asked) -> tuple[str, set[Verdict]]:
    *_, last = check_calibration(asked)
    return "\n".join(check.text for check in last), {check.verdict for check in last}


def test_a_good_recording(filmed: Any, tmp_path: Path) -> None:
    text, verdicts = said(Asked(filmed.folder, filmed.board_file))
    assert "3 cameras with still images: Camera1, Camera2, Camera3" in text
    assert "14 moments; images of equal name belong to one moment" in text
    assert "A ChArUco board of 7 x 5 squares of 40 mm" in text
    assert "The board is found in 8 of 8 images tried" in text
    assert "Results go to calibration" in text
    assert verdicts == {Verdict.GOOD}
    first = next(check_calibration(Asked(filmed.folder, filmed.board_file)))
    assert any("7 x 5 squares" in check.text for check in first)  # before the board is tried
    thin = write_board(tmp_path / "thin.toml", replace(filmed.board, marker_mm=24.0))
    text, verdicts = said(Asked(filmed.folder, thin))
    assert "The board is found in 8 of 8 images tried, but its markers look" in text
    assert Verdict.BAD not in verdicts


def test_what_is_missing_or_wrong(filmed: Any, tmp_path: Path) -> None:
    text, _ = said(Asked(None, None))
    assert "Choose the folder" in text
    assert "Choose the file of the board, or make one" in text
    text, verdicts = said(Asked(tmp_path / "nowhere", filmed.board_file))
    assert "does not exist" in text
    assert Verdict.BAD in verdicts
    wrong = write_board(tmp_path / "wrong.toml", replace(filmed.board, squares_across=9))
    text, verdicts = said(Asked(filmed.folder, wrong))
    assert "Another board is in" in text
    assert "it has 7 x 5 squares" in text
    assert Verdict.BAD in verdicts


def test_results_do_not_go_over_others(filmed: Any, tmp_path: Path) -> None:
    assert new_results(tmp_path) == tmp_path / "calibration"
    (tmp_path / "calibration").mkdir()
    (tmp_path / "calibration" / "report.json").write_text("{}")
    assert new_results(tmp_path) == tmp_path / "calibration-2"
    settings = CalibrateSettings(
        source=filmed.folder, board=filmed.board_file, out=tmp_path / "calibration"
    )
    text, _ = said(Asked(filmed.folder, filmed.board_file, "auto", settings))
    assert "holds a calibration (report.json)" in text
