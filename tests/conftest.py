"""Where the reference numbers and real recordings lie, and what to do where they don't."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def _shared_folder(name: str) -> Path:
    """Folder of reference numbers (`golden`) or recordings (`data`); skip, or fail on CI, if absent."""
    root = Path(os.environ.get("SDANNCE_SHARED", CHECKOUT.parent / "shared"))
    folder = root / name
    if folder.is_dir():
        return folder
    message = f"needs the folder {name}/ of the shared data: set SDANNCE_SHARED (looked in {root})"
    if os.environ.get("SDANNCE_REQUIRE_SHARED") == "1":
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def golden() -> Path:
    """Folder with numbers of the reference implementation."""
    return _shared_folder("golden")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real recordings."""
    return _shared_folder("data")


@pytest.fixture(scope="session")
def checkout() -> Path:
    """Top of the source tree."""
    return CHECKOUT
