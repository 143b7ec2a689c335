"""``sdannce cameras``: which cameras there are, and which kinds can not be used."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_sdannce.capture.cameras import CameraInfo
    from napari_sdannce.capture.find_cameras import Found


@click.command()
def cameras() -> None:
    """List the cameras that can record: kind, serial number, model.

    Kind and serial number are what a configuration calls 'back_end' and 'serial'. Kinds that can
    not be used here are listed with how to get them.
    """
    from napari_sdannce.capture.find_cameras import find_cameras

    for line in _lines(find_cameras()):
        click.echo(line)


def _lines(found: Found) -> Iterator[str]:
    yield from _table(found.cameras)
    for back_end in found.back_ends:
        listed = any(camera.back_end == back_end.name for camera in found.cameras)
        if not listed:
            yield f"{back_end.name}: none found (serial: {back_end.serials})"
    for missing in found.missing:
        yield f"{missing.name}: can not be used: {missing.reason}"


def _table(cameras: list[CameraInfo]) -> Iterator[str]:
    """Cameras in columns."""
    rows = [(camera.back_end, camera.serial, camera.model) for camera in cameras]
    if rows:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            yield "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)).rstrip()
