"""Which kinds of cameras there are on this computer; others add theirs by an entry point."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from napari_sdannce.capture.cameras import CameraError

if TYPE_CHECKING:
    from napari_sdannce.capture.cameras import BackEnd, CameraInfo

GROUP = "napari_sdannce.cameras"
"""Entry points: a callable without arguments that returns a `BackEnd`. It raises `CameraError`,
which says how to get it, where the SDK is not installed."""


@dataclass(frozen=True, slots=True)
class Missing:
    """A kind of camera that can not be used here.

    Parameters
    ----------
    name
        Of the back-end.
    reason
        Why, and how to get it.
    """

    name: str
    reason: str


def open_back_end(name: str) -> BackEnd:
    """Make a kind of camera ready.

    Raises
    ------
    CameraError
        When it is unknown, or its SDK is not installed.
    """
    found = {each.name: each for each in entry_points(group=GROUP)}
    if name not in found:
        raise CameraError(
            f"no kind of camera is called '{name}'; there are {', '.join(sorted(found))}"
        )
    return found[name].load()()


def all_back_ends() -> tuple[list[BackEnd], list[Missing]]:
    """Those that can be used here, and those that can not."""
    usable, missing = [], []
    for name in sorted({each.name for each in entry_points(group=GROUP)}):
        try:
            usable.append(open_back_end(name))
        except CameraError as error:
            missing.append(Missing(name, str(error)))
    return usable, missing


def find_cameras() -> tuple[list[CameraInfo], list[Missing]]:
    """All cameras that are there now, and kinds of cameras that can not be used."""
    found, missing = [], []
    usable, unusable = all_back_ends()
    for back_end in usable:
        try:
            found += back_end.discover()
        except CameraError as error:
            missing.append(Missing(back_end.name, str(error)))
    return found, [*unusable, *missing]
