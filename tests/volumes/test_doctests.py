"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["grid", "sample", "sample_torch"])
def test_examples(name: str) -> None:
    if name == "sample_torch":
        pytest.importorskip("torch")
    result = doctest.testmod(importlib.import_module(f"napari_sdannce.volumes.{name}"))
    assert result.attempted > 0
    assert result.failed == 0
