from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("1-look-at-labels", "2-train", "3-predict-and-overlay")
SECONDS = 300
"""A cell takes seconds; this is for a computer that does a lot else."""


# on Windows zmq says that it starts a thread
@pytest.mark.filterwarnings("ignore:Proactor event loop:RuntimeWarning")
@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_runs(name: str, checkout: Path, tmp_path: Path, monkeypatch) -> None:
    for variable, value in {
        "OMP_NUM_THREADS": "1",
        "TMPDIR": str(tmp_path),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }.items():
        monkeypatch.setenv(variable, value)
    notebook = nbformat.read(checkout / "notebooks" / f"{name}.ipynb", as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        resources={"metadata": {"path": str(tmp_path)}},
    )
    client.execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert not [output for output in shown if output.get("name") == "stderr"]
    assert any("image/jpeg" in output.get("data", {}) for output in shown) or name == "2-train"


@pytest.mark.parametrize("name", NAMES)
def test_notebooks_are_stored_without_outputs(name: str, checkout: Path) -> None:
    content = json.loads((checkout / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells)
    assert content["metadata"]["kernelspec"]["name"] == "python3"


def test_all_notebooks_are_run(checkout: Path) -> None:
    assert {path.stem for path in (checkout / "notebooks").glob("*.ipynb")} == set(NAMES)
