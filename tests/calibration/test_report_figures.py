"""Figures show the numbers of the report, where they belong, and can be read."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

from napari_sdannce.calibration.quality.misses import misses_of, sighting_errors
from napari_sdannce.calibration.quality.verdict import verdict_of
from napari_sdannce.calibration.report.axes import BINS, ORANGE, bin_color
from napari_sdannce.calibration.report.camera_views import PAD, coverage_maps, residual_maps
from napari_sdannce.calibration.report.charts import (
    error_curve,
    errors_by_speed,
    errors_in_time,
    focal_bars,
    shared_moments,
)
from napari_sdannce.calibration.report.figure import (
    Circles,
    Figure,
    Lines,
    Polyline,
    Rectangle,
    Text,
    text_width,
)
from napari_sdannce.calibration.report.figure_svg import to_svg
from napari_sdannce.calibration.report.rig_views import rig_from_above, rig_from_the_side, scene_of
from napari_sdannce.calibration.report.stances_chart import stances_chart
from napari_sdannce.calibration.report.summary import summary
from napari_sdannce.calibration.report.words import ReportNotes
from napari_sdannce.calibration.shown import shown
from napari_sdannce.calibration.world import board_frame

sys.path.insert(0, str(Path(__file__).parent))
from report_cases import CASES, pushed, small, twelve

if TYPE_CHECKING:
    from napari_sdannce.calibration.quality.calibration_report import CalibrationReport

SVG = "{http://www.w3.org/2000/svg}"


def all_figures(report: CalibrationReport) -> list[Figure]:
    misses, sightings = misses_of(report.solution), sighting_errors(report.solution)
    scene, speed = scene_of(report), errors_by_speed(sightings)
    return [
        *residual_maps(report.cameras, misses),
        *coverage_maps(report.cameras),
        error_curve(report, misses),
        errors_in_time(report, sightings),
        *([speed] if speed else []),
        shared_moments(report),
        focal_bars(report),
        stances_chart(report),
        rig_from_above(report, scene),
        rig_from_the_side(report, scene),
        summary(report, verdict_of(report), ReportNotes("a board", "/a/folder/" * 40)),
    ]


def texts(figure: Figure) -> list[Text]:
    return [shape for shape in figure.shapes if isinstance(shape, Text)]


def words(figure: Figure) -> list[str]:
    return [text.words for text in texts(figure)]


def box(text: Text) -> tuple[float, float, float, float]:
    width = text_width(text.words, text.size, bold=text.bold)
    left = text.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor] * width
    return left, text.y - 0.72 * text.size, left + width, text.y


@pytest.mark.parametrize("case", list(CASES))
def test_words_are_whole_and_beside_each_other(case: str) -> None:
    for figure in all_figures(CASES[case]()):
        boxes = [(box(text), text.words) for text in texts(figure) if text.words.strip()]
        for (left, top, right, bottom), said in boxes:
            assert left >= -1, (figure.title, said)
            assert right <= figure.width + 1, (figure.title, said)
            assert top >= 0, (figure.title, said)
            assert bottom <= figure.height, (figure.title, said)
        for (a, first), (b, second) in combinations(boxes, 2):
            apart = a[2] <= b[0] + 2 or b[2] <= a[0] + 2 or a[3] <= b[1] + 1 or b[3] <= a[1] + 1
            assert apart, (figure.title, first, second)


@pytest.mark.parametrize("case", list(CASES))
def test_figures_are_svg_without_numbers_that_are_none(case: str) -> None:
    for figure in all_figures(CASES[case]()):
        drawn = to_svg(figure)
        ElementTree.fromstring(drawn)
        attributes = re.sub(r">[^<]*<", "><", drawn).replace(figure.title, "")
        assert "nan" not in attributes
        assert "inf" not in attributes


def shafts(figure: Figure) -> tuple[np.ndarray, list[str]]:
    """(N, 2, 2) px of the arrows of an SVG, without the one of the key, and their colours."""
    ends, colors = [], []
    for group in ElementTree.fromstring(to_svg(figure)).iter(f"{SVG}g"):
        path = group[0]
        for numbers in re.findall(r"M(\S+) (\S+?)L(\S+?) ([-\d.]+)", str(path.get("d"))):
            ends.append(np.array(numbers, dtype=float).reshape(2, 2))
            colors.append(str(path.get("stroke")))
    return np.array(ends[:-1]), colors[:-1]


def test_arrows_are_where_corners_are_missed() -> None:
    report = small()
    misses = misses_of(report.solution)
    # so few that all of them are drawn
    some = misses.take(misses.sighting % 4 == 0)
    for view, figure in enumerate(residual_maps(report.cameras, some)):
        own, camera = some.of_view(view), report.cameras[view]
        (frame,) = (shape for shape in figure.shapes if isinstance(shape, Rectangle))
        scale = frame.width / camera.image_size[0]
        times = float(re.findall(r"([\d.]+) times enlarged", " ".join(words(figure)))[0])
        ends, colors = shafts(figure)
        assert len(ends) == (~own.left_out).sum() > 100
        spots, drawn = own.spots[~own.left_out], own.misses[~own.left_out]
        order = [
            int(np.argmin(np.linalg.norm(spots * scale + (frame.x, frame.y) - start, axis=1)))
            for start in ends[:, 0]
        ]
        assert len(set(order)) == len(order)
        expected = drawn[order] * scale * times
        short = np.linalg.norm(expected, axis=1) < PAD - 2.01
        assert short.mean() > 0.9
        np.testing.assert_allclose((ends[:, 1] - ends[:, 0])[short], expected[short], atol=0.02)
        lengths = np.linalg.norm(drawn[order], axis=1)
        assert colors[int(np.argmax(lengths))] == bin_color(BINS - 1)
        assert colors[int(np.argmin(lengths))] == bin_color(0)
        crosses = [shape for shape in figure.shapes if isinstance(shape, Lines)]
        assert len(crosses[0].ends) == 2 * own.left_out.sum() > 0


def test_maps_say_how_far_off_half_of_the_corners_are() -> None:
    report = small()
    misses = misses_of(report.solution)
    for view, figure in enumerate(residual_maps(report.cameras, misses)):
        lengths = misses.of_view(view).lengths
        told = f"half of {len(lengths)} corners within {shown(float(np.median(lengths)))} px"
        assert any(said.startswith(told) for said in words(figure))


def test_cells_hold_their_counts() -> None:
    for camera, figure in zip(small().cameras, coverage_maps(small().cameras), strict=True):
        counts = np.zeros_like(camera.cells)
        frame = next(shape for shape in figure.shapes if isinstance(shape, Rectangle))
        for text in texts(figure):
            if text.words.isdigit():
                row = int((text.y - 4 - frame.y) / frame.height * 8)
                column = int((text.x - frame.x) / frame.width * 8)
                counts[row, column] = int(text.words)
        np.testing.assert_array_equal(counts, camera.cells)
        assert f"{100 * camera.covered:.0f} %" in " ".join(words(figure))


def test_curves_have_the_medians_of_the_report() -> None:
    report = small()
    figure = error_curve(report, misses_of(report.solution))
    assert report.held_out is not None
    assert f"fitted: half of them by less than {shown(report.errors.median)} px" in words(figure)
    held = shown(report.held_out.errors.median)
    assert f"held out: half of them by less than {held} px" in words(figure)
    dots = [shape.centres[0] for shape in figure.shapes if isinstance(shape, Circles)]
    ticks = {text.words: text for text in texts(figure)}
    shares = {text.words: text for text in texts(figure) if text.anchor == "end"}
    assert dots[0][1] == pytest.approx(shares["50"].y - 4)
    curve = next(shape for shape in figure.shapes if isinstance(shape, Polyline))
    assert curve.points[-1, 1] == pytest.approx(shares["100"].y - 4)
    assert (np.diff(curve.points, axis=0) * (1, -1) >= 0).all()
    low, high = (float(np.log10(value)) for value in (0.1, 1.0))
    left, right = ticks["0.1"].x, ticks["1"].x
    medians = (report.errors.median, report.held_out.errors.median)
    for dot, median in zip(dots, medians, strict=True):
        along = (np.log10(median) - low) / (high - low)
        assert dot[0] == pytest.approx(left + along * (right - left), abs=0.5)


def test_pushes_are_marked_when_they_were() -> None:
    report = pushed()
    sightings = sighting_errors(report.solution)
    figure = errors_in_time(report, sightings)
    (push,) = report.solution.fit.pushes
    (line,) = (shape for shape in figure.shapes if isinstance(shape, Lines) and shape.dashed)
    ticks = {float(t.words): t.x for t in texts(figure) if t.anchor == "middle"}
    (a, x_a), (b, x_b) = sorted(ticks.items())[0], sorted(ticks.items())[-1]
    moment = report.solution.detections.moments[push.moment]
    assert line.ends[0, 0, 0] == pytest.approx(x_a + (moment - a) / (b - a) * (x_b - x_a), abs=0.1)
    name = next(t for t in texts(figure) if t.words == report.cameras[push.view].name)
    assert 0 < line.ends[0, 0, 1] - name.y < 10
    dots = [shape for shape in figure.shapes if isinstance(shape, Circles)]
    zero, top = (next(t.y for t in texts(figure) if t.words == tick) for tick in ("0", "0.25"))
    first = sightings.median_px[(sightings.view == 0) & ~sightings.left_out]
    drawn = (zero - 4 - dots[0].centres[:, 1]) / (zero - top) * 0.25
    np.testing.assert_allclose(drawn, first, atol=1e-9)
    orange = sum(len(shape.centres) for shape in dots[:-2] if shape.color == ORANGE)
    assert orange == sightings.left_out.sum() > 3
    assert sum(len(shape.centres) for shape in dots[:-2]) == len(sightings.view)


def test_pairs_hold_what_they_share() -> None:
    report = twelve()
    numbers = [int(each) for each in words(shared_moments(report)) if each.isdigit()]
    # row by row: its number twice, then its counts
    rows = np.array(numbers).reshape(12, 14)
    np.testing.assert_array_equal(rows[:, :2], np.arange(1, 13)[:, None].repeat(2, axis=1))
    np.testing.assert_array_equal(rows[:, 2:], report.shared)


def test_bars_are_as_long_as_focal_lengths_are_unknown() -> None:
    report = pushed()
    bars = [shape.width for shape in focal_bars(report).shapes if isinstance(shape, Rectangle)]
    sigmas = np.array([camera.focal_sigma for camera in report.cameras])
    np.testing.assert_allclose(np.array(bars) / bars[0], sigmas / sigmas[0])
    for sigma in sigmas:
        assert f"{shown(100 * sigma, 2)} %" in words(focal_bars(report))


@pytest.mark.parametrize("known", [False, True])
def test_cameras_stand_where_they_are(known: bool) -> None:
    """Distances in the pictures are those of the rig, by the scale bar."""
    report = pushed()
    solution = report.solution
    world = board_frame(solution, int(solution.detections.moments[3])) if known else None
    scene = scene_of(report, world)
    centres = np.stack([camera.centre for camera in solution.cameras])
    if world is not None:
        np.testing.assert_allclose(scene.centres, world.points(centres), atol=1e-6)
    pairs = list(combinations(range(4), 2))
    apart = [np.linalg.norm(centres[a] - centres[b]) for a, b in pairs]
    drawn = [np.linalg.norm(scene.centres[a] - scene.centres[b]) for a, b in pairs]
    np.testing.assert_allclose(drawn, apart)
    # cameras of these rigs look down at the boards, most of them upright
    if not known:
        assert scene.centres[:, 2].min() > scene.boards[..., 2].mean()
    for figure, axes in (
        (rig_from_above(report, scene), [0, 1]),
        (rig_from_the_side(report, scene), [0, 2]),
    ):
        dots = next(s for s in figure.shapes if isinstance(s, Circles) and len(s.centres) == 4)
        bar = next(s for s in figure.shapes if isinstance(s, Lines) and s.width == 2.5)
        length = next(float(word.split()[0]) for word in words(figure) if word.endswith(" mm"))
        scale = (bar.ends[0, 1, 0] - bar.ends[0, 0, 0]) / length
        flat = scene.centres[:, axes]
        expected = (flat - flat[0]) * (scale, -scale)
        np.testing.assert_allclose(dots.centres - dots.centres[0], expected, atol=1e-6)


@pytest.mark.parametrize("case", list(CASES))
def test_the_rig_is_inside_its_picture(case: str) -> None:
    report = CASES[case]()
    scene = scene_of(report)
    for figure in (rig_from_above(report, scene), rig_from_the_side(report, scene)):
        panel = next(shape for shape in figure.shapes if isinstance(shape, Rectangle))
        low, high = np.array([panel.x, panel.y]), np.array([panel.width, panel.y + panel.height])
        drawn = [s.points for s in figure.shapes if isinstance(s, Polyline)]
        drawn += [s.centres for s in figure.shapes if isinstance(s, Circles) and s.radius < 4]
        places = np.concatenate(drawn)
        assert len(places) > 20
        assert (places > low + 4).all()
        assert (places < high - 4).all()


def test_boards_that_were_left_out_are_not_drawn() -> None:
    """Where they lie, nothing tells: one far away would make all else small."""
    report = small()
    fit = report.solution.fit
    seen, rig = fit.problem.sightings, fit.rig
    far = rig.boards.translation.copy()
    far[3] += 1e5
    weights = np.where((seen.moment == 3)[:, None], 0.0, seen.weights)
    fit = replace(
        fit,
        rig=replace(rig, boards=replace(rig.boards, translation=far)),
        problem=replace(fit.problem, sightings=replace(seen, weights=weights)),
    )
    scene = scene_of(replace(report, solution=replace(report.solution, fit=fit)))
    assert len(scene.boards) == len(rig.boards) - 1
    assert np.abs(scene.boards).max() < 1e4


def test_rims_lie_where_cameras_look() -> None:
    """A corner of what a camera sees is projected to the corner of its image, but for bending."""
    report = pushed()
    solution = report.solution
    world = board_frame(solution, int(solution.detections.moments[0]))
    scene = scene_of(report, world)
    for camera, rim in zip(world.move(solution.cameras), scene.rims, strict=True):
        straight = replace(camera, radial=np.zeros(2), tangential=np.zeros(2))
        width, height = solution.detections.image_sizes[0]
        corners = [[0, 0], [width, 0], [width, height], [0, height]]
        np.testing.assert_allclose(straight.project(rim), corners, atol=1e-6)


def test_colours_of_positions_are_their_errors() -> None:
    """One error in each seventh of the range, all others in the middle, and those beyond."""
    report = small()
    scene = scene_of(report)
    sigma = np.full(len(scene.points), 0.5)
    assert len(sigma) > 20
    sigma[:9] = [0.01, 0.2, 0.3, 0.45, 0.6, 0.8, 0.99, 7.0, np.nan]
    scene = replace(scene, sigma_mm=sigma)
    assert scene.worst_mm == 1.0
    figure = rig_from_above(report, scene)
    dots = [s for s in figure.shapes if isinstance(s, Circles) and s.radius == 3.0]
    count = {dot.color: len(dot.centres) for dot in dots}
    expected = [1, 1, 1, len(sigma) - 8, 1, 1, 2]
    assert count == {bin_color(i): n for i, n in enumerate(expected)}
    # where the colours are: the first position is the only blue one, to the right by its x
    bar = next(s for s in figure.shapes if isinstance(s, Lines) and s.width == 2.5)
    length = next(float(word.split()[0]) for word in words(figure) if word.endswith(" mm"))
    scale = (bar.ends[0, 1, 0] - bar.ends[0, 0, 0]) / length
    blue, orange = (next(d for d in dots if d.color == bin_color(i)) for i in (0, 1))
    apart = (scene.points[1] - scene.points[0])[:2] * (scale, -scale)
    np.testing.assert_allclose(orange.centres[0] - blue.centres[0], apart, atol=1e-6)
    assert "0 to 1 mm and more" in words(figure)[-1]


def test_boards_are_drawn_by_tilt_and_distance() -> None:
    """By the numbers at the axes below each name; three names fit into a row."""
    report = small()
    figure = stances_chart(report)
    dots = [shape.centres for shape in figure.shapes if isinstance(shape, Circles)]
    names = [text for text in texts(figure) if text.bold]
    numbers = [text for text in texts(figure) if text.words.isdigit()]
    for camera, name, own in zip(report.cameras, names, dots, strict=True):
        here = [text for text in numbers if name.x - 20 < text.x < name.x + 190]
        high = {int(text.words): text.y - 4 for text in here if text.anchor == "end"}
        along = {int(text.words): text.x for text in here if text.anchor == "middle"}
        near, far = min(along), max(along)
        right = along[near] + (camera.stances.distances - near) / (far - near) * (
            along[far] - along[near]
        )
        up = high[0] + camera.stances.tilts / 90 * (high[90] - high[0])
        assert len(own) == camera.sightings > 10
        np.testing.assert_allclose(own, np.stack([right, up], axis=1), atol=1e-6)
