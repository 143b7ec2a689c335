"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import napari_sdannce.calibration

MODULES = [
    module.name
    for module in pkgutil.walk_packages(
        napari_sdannce.calibration.__path__, f"{napari_sdannce.calibration.__name__}."
    )
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
