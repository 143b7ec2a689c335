"""The report as files: whole or not at all, and true to the numbers."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest

from napari_sdannce.calibration.findings import Finding, Grade, Verdict
from napari_sdannce.calibration.quality.calibration_report import as_json
from napari_sdannce.calibration.quality.misses import misses_of
from napari_sdannce.calibration.quality.verdict import verdict_of
from napari_sdannce.calibration.report.page import page, write_report
from napari_sdannce.calibration.report.summary import SCALE, summary
from napari_sdannce.calibration.report.words import HEADLINES, ReportNotes, spread
from napari_sdannce.calibration.shown import shown

sys.path.insert(0, str(Path(__file__).parent))
from report_cases import CASES, HOSTILE, pushed, small

VOID = {"meta", "path", "rect", "circle"}
NOTES = ReportNotes(
    "ChArUco, 8 × 6 squares of 25 mm",
    "/data/<b>bold</b>.mp4",
    (("every", "10 frames"),),
    (("napari-sdannce", "9.9.9"),),
)


class Page(HTMLParser):
    """Tags in their order, and the words of each kind of element."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            self.words.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in set(self.open):
            self.words[tag][-1] += data


@pytest.mark.parametrize("case", list(CASES))
def test_every_report_can_be_written_and_read(case: str, tmp_path: Path) -> None:
    report = CASES[case]()
    paths = write_report(tmp_path, report, verdict_of(report), extra=NOTES)
    assert [path.name for path in paths] == ["report.json", "report.html", "report.png"]
    assert set(tmp_path.iterdir()) == set(paths)
    read = Page(paths[1].read_text(encoding="utf-8"))
    assert read.words["h1"] == [HEADLINES[verdict_of(report).grade]]
    for camera in report.cameras:
        assert camera.name in read.words["th"]
    json.loads(paths[0].read_text(), parse_constant=pytest.fail)
    assert "nan" not in " ".join(read.words["td"] + read.words["dd"]).lower()


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    text = page(small(), verdict_of(small()), NOTES)
    read = Page(text)
    assert HOSTILE in small().cameras[1].name
    assert "<script" not in text
    assert "<b>" not in text
    assert not {"script", "link", "img", "iframe", "object", "base"} & {tag for tag, _ in read.tags}
    for _, attributes in read.tags:
        assert not {"src", "href", "xlink:href"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    outside = set(re.findall(r"\w+://[^\"'\s)]+", text))
    assert outside == {"http://www.w3.org/2000/svg"}
    assert "url(" not in text
    assert "@import" not in text
    assert HOSTILE in read.words["th"]
    assert any(HOSTILE in words for words in read.words["text"])


def test_the_page_has_the_numbers_of_the_report() -> None:
    report = small()
    read = Page(page(report, verdict_of(report), NOTES))
    assert report.held_out is not None
    strong = read.words["strong"]
    assert strong[:5] == [
        f"{shown(report.held_out.errors.median)} px",
        f"{shown(report.errors.median)} px",
        f"{shown(report.rigid_residual_mm)} mm",
        f"{shown(report.positions.median_mm)} mm",
        f"{shown(report.solution.fit.sigma_px)} px",
    ]
    assert strong[5] == str(len(report.solution.detections.moments))
    cells = read.words["td"]
    for camera in report.cameras:
        assert camera.held_out is not None
        for expected in (
            f"{shown(camera.errors.median)} px",
            f"{shown(camera.held_out.median)} px",
            str(camera.corners),
            f"{camera.sightings} times",
        ):
            assert expected in cells
        for name in ("fx", "cy", "k1", "p2"):
            assert spread(camera.numbers[name], camera.sigmas[name]) in cells
    for _, value in (("", NOTES.board), ("", NOTES.source), *NOTES.settings, *NOTES.versions):
        assert value in cells
    assert any("1.2 s to find the board" in cell for cell in cells)


def test_findings_come_first_and_the_worst_before_others() -> None:
    report = pushed()
    verdict = Verdict(
        (
            Finding(Grade.RECORD_AGAIN, "Camera2 <was> pushed.", "Camera2"),
            Finding(Grade.USABLE, "Somewhat blurred."),
            Finding(Grade.GOOD, "A hint."),
        )
    )
    read = Page(page(report, verdict, NOTES))
    assert read.words["li"] == [
        "Camera2 <was> pushed.", "Somewhat blurred.", "A hint."
    ]  # fmt: skip
    assert read.words["h1"] == ["Record the board again before you use these cameras."]
    assert read.words["h2"][:4] == [
        "What to record again", "What would make it better", "Good to know", "The numbers"
    ]  # fmt: skip
    none = Page(page(report, Verdict(()), NOTES))
    assert "li" not in none.words
    assert "Nothing was found" in " ".join(none.words["p"])


def test_json_holds_the_verdict_and_the_notes(tmp_path: Path) -> None:
    report = pushed()
    verdict = verdict_of(report)
    (path, _, _) = write_report(tmp_path, report, verdict, extra=NOTES)
    found = json.loads(path.read_text())
    assert found["verdict"] == {
        "grade": "record again",
        "findings": [
            {"grade": str(each.grade), "text": each.text, "camera": each.camera}
            for each in verdict.findings
        ],
    }
    assert found["board"] == NOTES.board
    assert found["source"] == NOTES.source
    assert found["settings"] == {"every": "10 frames"}
    assert found["versions"] == {"napari-sdannce": "9.9.9"}
    assert found["measured_points"] is None


def test_json_holds_the_numbers_of_the_solution() -> None:
    """Counted and measured again, from corners and from the solved rig."""
    report = small()
    solution, seen = report.solution, report.solution.detections
    found, lengths = as_json(report), misses_of(solution).lengths
    errors = found["reprojection_px"]
    assert errors["median"] == pytest.approx(np.median(lengths), rel=1e-4)
    assert errors["mean"] == pytest.approx(lengths.mean(), rel=1e-4)
    assert errors["rmse"] == pytest.approx(np.sqrt((lengths**2).mean()), rel=1e-4)
    assert errors["count"] == found["corners"] == np.isfinite(seen.corners[..., 0]).sum()
    left_out = misses_of(solution).left_out
    assert found["corners_left_out"] == left_out.sum() > 0
    assert found["frames"] == len(set(seen.moment.tolist()))
    moments = [set(seen.moment[seen.view == view].tolist()) for view in range(3)]
    assert found["shared_frames"] == [[len(a & b) for b in moments] for a in moments]
    assert found["seconds"]["detect"] == 1.25
    assert list(found["cameras"]) == list(seen.names)
    for view, camera in enumerate(found["cameras"].values()):
        own = seen.view == view
        assert camera["image_size"] == list(seen.image_sizes[view])
        assert camera["sightings"] == own.sum()
        assert camera["corners"] == np.isfinite(seen.corners[own, :, 0]).sum()
        assert camera["corners_left_out"] == solution.fit.left_out[own].sum()
        fx, fy = solution.fit.rig.numbers[view, :2]
        assert camera["intrinsics"]["fx"] == pytest.approx(fx, rel=1e-5)
        spread = solution.fit.covariance.sigma[view, :2].sum()
        assert camera["focal_sigma_percent"] == pytest.approx(100 * spread / (fx + fy), rel=1e-4)
        poses = solution.fit.rig.cameras[view] @ solution.fit.rig.boards
        there = poses.apply(solution.board.points[0].mean(axis=0)[None])[:, 0]
        away = np.linalg.norm(there, axis=1)[np.searchsorted(seen.moments, seen.moment[own])]
        assert camera["distance_mm"]["least"] == pytest.approx(away.min(), rel=1e-4)
        assert camera["distance_mm"]["most"] == pytest.approx(away.max(), rel=1e-4)
        assert 0 <= camera["tilt_degrees"]["least"] < camera["tilt_degrees"]["most"] < 90


def test_json_has_its_keys() -> None:
    """Programs of others read them."""
    assert set(as_json(small())) == {
        "reprojection_px", "reprojection_used_px", "holdout_px", "rigid_residual_mm",
        "rigid_residual_fitted_mm", "board_bent_mm", "position_sigma_mm", "corner_sigma_px",
        "errors_alike", "frames", "frames_held_out", "corners", "corners_left_out",
        "corrected_late_frames", "shared_frames", "seconds", "cameras",
    }  # fmt: skip
    assert set(next(iter(as_json(small())["cameras"].values()))) == {
        "image_size", "intrinsics", "sigma", "focal_sigma_percent", "reprojection_px",
        "holdout_px", "sightings", "corners", "corners_left_out", "covered", "tilt_degrees",
        "distance_mm", "late_frames", "late_sigma_frames", "known_lens_contradicted",
    }  # fmt: skip


def test_the_picture_has_the_size_and_colour_of_the_summary(tmp_path: Path) -> None:
    report, colors = small(), []
    for grade in Grade:
        verdict = Verdict((Finding(grade, "A finding."),))
        (tmp_path / grade).mkdir()
        path = write_report(tmp_path / grade, report, verdict, extra=NOTES)[2]
        image = cv2.imread(str(path))
        assert image is not None
        figure = summary(report, verdict, NOTES)
        assert image.shape == (round(figure.height * SCALE), round(figure.width * SCALE), 3)
        colors.append(tuple(image[5, 5].tolist()))
        assert len(np.unique(image[::4, ::4, 0])) > 50
    assert len(set(colors)) == 3


def test_reports_are_not_replaced(tmp_path: Path) -> None:
    report, verdict = small(), verdict_of(small())
    paths = write_report(tmp_path, report, verdict)
    for path in paths[:2]:
        path.unlink()
    with pytest.raises(FileExistsError, match=r"report\.png exists"):
        write_report(tmp_path, report, verdict)
    assert list(tmp_path.iterdir()) == [paths[2]]


def test_the_figures_of_the_page_are_those_of_the_report() -> None:
    report = small()
    text = page(report, verdict_of(report), NOTES)
    assert text.count("<svg") == text.count("</svg>") == 2 + 2 * 3 + 6
    read = Page(text)
    labels = [attributes["aria-label"] for tag, attributes in read.tags if tag == "svg"]
    assert f"Where {HOSTILE} is missed" in labels
    assert len(misses_of(report.solution).view) == report.errors.count


def test_numbers_are_written_to_the_digits_that_are_known() -> None:
    assert spread(float("nan"), 1.0) == "–"
    assert spread(3.14159, float("nan")) == "3.14159 ± –"
    assert spread(1234.5, 12.0) == "1234 ± 12"
    assert spread(0.0012345, 0.00021) == "0.00123 ± 0.00021"
