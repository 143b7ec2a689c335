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


@dataclass(frozen=True, slots=True)
class Found:
    """What there is on this computer.

    Parameters
    ----------
    cameras
        That are there now.
    back_ends
        Kinds of cameras that can be used.
    missing
        Those that can not.
    """

    cameras: list[CameraInfo]
    back_ends: list[BackEnd]
    missing: list[Missing]


def open_back_end(name: str) -> BackEnd:
    """Make a kind of camera ready.

    Raises
    ------
    CameraError
        When it is unknown, its SDK is not installed, or it can not be loaded.
    """
    found = {each.name: each for each in entry_points(group=GROUP)}
    if name not in found:
        raise CameraError(
            f"no kind of camera is called '{name}'; there are {', '.join(sorted(found))}"
        )
    try:
        back_end: BackEnd = found[name].load()()
    except (ImportError, AttributeError) as error:
        raise CameraError(f"'{found[name].value}' can not be loaded: {error}") from error
    return back_end


def all_back_ends() -> tuple[list[BackEnd], list[Missing]]:
    """Those that can be used here, and those that can not."""
    usable, missing = [], []
    for name in sorted({each.name for each in entry_points(group=GROUP)}):
        try:
            usable.append(open_back_end(name))
        except CameraError as error:
            missing.append(Missing(name, str(error)))
    return usable, missing


def find_cameras() -> Found:
    """All cameras that are there now, and kinds of cameras that can not be used."""
    cameras: list[CameraInfo] = []
    usable: list[BackEnd] = []
    back_ends, missing = all_back_ends()
    for back_end in back_ends:
        try:
            cameras += back_end.discover()
            usable.append(back_end)
        except (RuntimeError, ValueError, OSError) as error:  # one SDK must not hide the others
            missing.append(Missing(back_end.name, str(error)))
    return Found(cameras, usable, missing)
