"""The examples in the docstrings are true."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import napari_sdannce.geometry

MODULES = [
    f"{napari_sdannce.geometry.__name__}.{module.name}"
    for module in pkgutil.iter_modules(napari_sdannce.geometry.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


@pytest.mark.parametrize("name", napari_sdannce.geometry.__all__)
def test_public_functions_have_examples(name: str) -> None:
    documented = getattr(napari_sdannce.geometry, name)
    found = doctest.DocTestFinder().find(documented, name)
    assert name == "Triangulation" or any(test.examples for test in found)
