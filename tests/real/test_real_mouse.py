"""The main job on a real mouse, in a reduced form: the recipe of docs/real-mouse.md itself."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def verdict(
    checkout: Path, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """Numbers of a short training on few voxels."""
    out = tmp_path_factory.mktemp("mouse")
    command = [sys.executable, str(checkout / "benchmarks" / "real_mouse.py")]
    command += [str(shared_data / "mouse4cam"), str(out)]
    command += ["--voxels", "16", "--steps", "300", "--com-steps", "200", "--com-downsample", "16"]
    # so short a training is over before an average forgets how it began
    command += ["--jitter-mm", "20", "--average", "0", "--refine-steps", "150"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return dict(json.loads((out / "verdict.json").read_text()))


def test_the_com_is_found(verdict: dict[str, Any]) -> None:
    assert verdict["com_error_mm"] < 30


def test_the_pose_follows_the_image_and_not_the_cube(verdict: dict[str, Any]) -> None:
    # a network that has learned nothing answers "the middle of the cube" and moves all the way
    assert verdict["trained"]["shift_moves_mm"] < 4
    assert verdict["untrained"]["shift_moves_mm"] > 10


def test_the_pose_comes_from_the_images(verdict: dict[str, Any]) -> None:
    assert verdict["trained"]["blank_ratio"] > 2.5
    assert verdict["untrained"]["blank_ratio"] < 2


def test_a_graph_that_refines_poses_loses_nothing(verdict: dict[str, Any]) -> None:
    assert verdict["refined"]["error_px"] < 1.5 * verdict["trained"]["error_px"]
    assert verdict["refined"]["blank_ratio"] > 2.5
    assert verdict["refined"]["shift_moves_mm"] < 4
