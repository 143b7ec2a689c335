"""``*_Label3D.mat``: the state of a Label3D session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from napari_sdannce.recording import PixelOrigin

from .dannce_mat import DannceFile, default_camera_names
from .mat import MatFile, read_mat, write_mat
from .mat_fields import field, reading, structs
from .matlab_camera import cameras_from_matlab

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping
    from pathlib import Path

    from napari_sdannce.geometry.cameras import Camera

    from .mat_values import MatValue

EXPECTED = "a state of Label3D (*_Label3D.mat) with 'camParams', 'data_3D' and 'status'"


@dataclass(frozen=True, eq=False)
class Label3DState:
    """A session of Label3D: every variable as it stands, and what it means.

    Parameters
    ----------
    path
        The file.
    variables
        Every variable with value, dtype, class and orientation of the file; `write_label3d_state`
        writes them back the same. Opaque MATLAB objects (the table ``cameraPoses``) are left out.
    dropped
        Places of the opaque objects left out.
    version
        Version of the MATLAB format.
    """

    path: Path
    variables: Mapping[str, MatValue]
    dropped: tuple[str, ...] = ()
    version: Literal["5", "7.3"] = "5"

    @property
    def params(self) -> list[dict[str, MatValue]]:
        """Camera parameters, one struct a camera."""
        return structs(field(self.variables, "camParams"), "camParams")

    @property
    def camnames(self) -> tuple[str, ...]:
        """``Camera1``, ``Camera2``, ...: a state does not name its cameras."""
        return default_camera_names(len(self.params))

    def cameras(self, pixel_origin: PixelOrigin = PixelOrigin.MATLAB) -> tuple[Camera, ...]:
        """Calibrated cameras, 0-based and not transposed, with their image sizes.

        Raises
        ------
        FileFormatError
            When a parameter is missing or makes no camera.
        """
        with reading(self.path, EXPECTED):
            return cameras_from_matlab(self.variables, self.params, self.camnames, pixel_origin)

    def as_dannce(self) -> DannceFile:
        """Calibration and sync as a label file has them, without labels."""
        shared = ("sync", "skeleton", "imageSize")
        kept = {key: self.variables[key] for key in shared if key in self.variables}
        return DannceFile(
            self.path, {"params": self.variables["camParams"], **kept}, self.dropped, self.version
        )


def read_label3d_state(path: str | os.PathLike[str]) -> Label3DState:
    """Read the state of a Label3D session, MATLAB v5 or v7.3.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is not such a state, or damaged.
    """
    return label3d_state(read_mat(path))


def label3d_state(found: MatFile) -> Label3DState:
    """Take the variables of a file as a Label3D state; FileFormatError when they are none."""
    state = Label3DState(found.path, found.variables, found.dropped, found.version)
    with reading(found.path, EXPECTED):
        if not state.params:
            raise ValueError("'camParams' is empty")
    return state


def write_label3d_state(
    path: str | os.PathLike[str], state: Label3DState, *, overwrite: bool = False
) -> Path:
    """Write a Label3D state: everything in `state`, unchanged.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    """
    return write_mat(path, state.variables, version=state.version, overwrite=overwrite)
