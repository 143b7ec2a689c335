"""``docs/formats.md`` speaks of files and functions that there are."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
import yaml

from napari_sdannce import files as files_room
from napari_sdannce import poses, predictions
from napari_sdannce.files.project_file import Project, read_project
from napari_sdannce.predictions import ComStore, Job, PoseStore
from napari_sdannce.predictions.job import Reason
from napari_sdannce.skeletons import load_skeleton

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def page(checkout: Path) -> str:
    return (checkout / "docs" / "formats.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def examples(page: str) -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)


def test_the_project_of_the_page_is_one(examples: list[str], tmp_path: Path) -> None:
    (tmp_path / "sdannce.yaml").write_text(examples[0], encoding="utf-8")
    project = read_project(tmp_path)
    assert set(yaml.safe_load(examples[0])) == set(Project.model_fields)
    assert project.cameras is not None
    assert project.cameras[1].videos[0].first_frame == 0
    # the other form of the calibration
    block = re.findall(r"^# (.*)$", examples[0], re.MULTILINE)
    (tmp_path / "sdannce.yaml").write_text("\n".join(block), encoding="utf-8")
    calibration = read_project(tmp_path).calibration
    assert isinstance(calibration, tuple)
    assert calibration[0].image_size == (640, 480)


def test_the_skeleton_of_the_page_is_one(examples: list[str], tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(examples[1], encoding="utf-8")
    assert load_skeleton(tmp_path / "mine.yaml").pairs == ((1, 2),)


def test_functions_of_the_table_are_there(page: str) -> None:
    table = page.split("| function", 1)[1].split("\n\n", 1)[0]
    cells = [row.rsplit("|", 2)[1] for row in table.splitlines() if row.count("|") > 4]
    missing = []
    for cell in cells:
        place: object = files_room
        for name in re.findall(r"`([A-Za-z_.0-9]+)`", cell):
            if name == "napari_sdannce.predictions":
                place = predictions
            elif name.startswith("Poses."):
                place = poses.Poses
                name = name.removeprefix("Poses.")
            elif "." in name:
                module, name = name.split(".")
                place = import_module(f"napari_sdannce.files.{module}")
            if not hasattr(place, name) and name != "napari_sdannce.predictions":
                missing.append(name)
    assert len(cells) > 15
    assert not missing


def test_arrays_of_the_stores_are_those_of_the_table(page: str) -> None:
    job = Job(animals=("a", "b"), keypoints=("k", "l", "m"), cameras=("v",))
    size = {"T": None, "A": 2, "K": 3, "V": 1, "2": 2, "3": 3}
    rows = re.findall(r"^\| (`\w+`(?:, `\w+`)*) \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    told = {
        name: (cells[0], cells[1]) for names, *cells in rows for name in re.findall(r"\w+", names)
    }
    stores = (PoseStore.specs(job, ("heatmap_max", "initial")), ComStore.specs(job, ()))
    for column, specs in enumerate(stores):
        for spec in specs:
            cell = told[spec.name][column]
            cell = told[spec.name][0] if cell == "the same" else cell
            shapes = [
                tuple(size[each] for each in re.findall(r"\w+", shape))[1:]
                for shape in re.findall(r"\(([TAKV23, ]+)\)", cell)
            ]
            assert spec.shape in shapes, spec.name
            kind = {"f4": "float32", "f8": "float64", "u1": "uint8"}[spec.dtype]
            assert kind in cell, spec.name
    assert [reason.value for reason in Reason] == [0, 1, 2, 3, 4]


def test_links_lead_somewhere(page: str, checkout: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page):
        assert (checkout / "docs" / link).is_file(), link
