"""MATLAB files of any version, read and written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from .errors import FileFormatError
from .mat5_read import MAX_VARIABLE_BYTES, DamagedMatError, read_mat5
from .mat5_write import write_mat5
from .mat73 import read_mat73, write_mat73
from .mat_values import MatValue, Opaque, Skipped, without_opaque
from .writing import atomic_path

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

_HDF5_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_OTHER_KINDS = {b"PK\x03\x04": "a zip archive", b"\x1f\x8b": "a gzip archive"}
_MAX_V5_BYTES = 4 * MAX_VARIABLE_BYTES


@dataclass(frozen=True, eq=False)
class MatFile:
    """The variables of a MATLAB file.

    Parameters
    ----------
    path
        The file.
    version
        ``5`` (``-v6``, ``-v7``) or ``7.3`` (HDF5).
    variables
        As Python values, see `mat_values`, without opaque objects.
    dropped
        Places of opaque objects (tables, strings, function handles) that only MATLAB can read.
    names
        All variables of the file, read or not.
    """

    path: Path
    version: Literal["5", "7.3"]
    variables: Mapping[str, MatValue]
    dropped: tuple[str, ...]
    names: tuple[str, ...]


def read_mat(path: str | os.PathLike[str], *, only: Iterable[str] | None = None) -> MatFile:
    """Read a MATLAB file of version 5 or 7.3.

    Parameters
    ----------
    path
        The file.
    only
        Names of the variables to read, all when None.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it is not a MATLAB file, or damaged.
    """
    file = Path(path)
    expected = "a MATLAB file (v5 or v7.3)"
    wanted = None if only is None else frozenset(only)
    try:
        version = _version(file)
        if version == "7.3":
            variables = read_mat73(file, wanted)
        else:
            variables = read_mat5(file.read_bytes(), wanted)
        dropped: list[str] = []
        kept = {}
        for name, value in variables.items():
            if isinstance(value, Skipped):
                continue
            if isinstance(value, Opaque):
                dropped.append(f"{name} ({value.class_name})")
            else:
                kept[name] = without_opaque(value, name, dropped)
    except DamagedMatError as error:
        raise FileFormatError(file, f"not readable: {error}", expected) from error
    except MemoryError as error:
        raise FileFormatError(file, "it needs more memory than there is", expected) from error
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileFormatError(file, f"not readable: {error}", expected) from error
    return MatFile(file, version, kept, tuple(dropped), tuple(variables))


def _version(path: Path) -> Literal["5", "7.3"]:
    with path.open("rb") as stream:
        head = stream.read(520)
        size = stream.seek(0, 2)
    if head.startswith(_HDF5_SIGNATURE) or head[512:520] == _HDF5_SIGNATURE:
        return "7.3"
    if not size:
        raise DamagedMatError("it is empty")
    if head[126:128] not in (b"IM", b"MI"):
        raise DamagedMatError(f"it is {kind_of(head)}")
    if size > _MAX_V5_BYTES:
        raise DamagedMatError(f"it has {size} bytes, more than the format allows")
    return "5"


def kind_of(head: bytes) -> str:
    """What a file that is none of MATLAB's looks like by its first bytes."""
    for start, kind in _OTHER_KINDS.items():
        if head.startswith(start):
            return kind
    text = head.decode("utf-8", errors="ignore")
    if (
        text
        and len(text.encode()) > len(head) - 4
        and all(x.isprintable() or x.isspace() for x in text)
    ):
        return "a text file"
    return "a file of another kind"


def write_mat(
    path: str | os.PathLike[str],
    variables: Mapping[str, MatValue],
    *,
    version: Literal["5", "7.3"] = "5",
    overwrite: bool = False,
    compress: bool = True,
) -> Path:
    """Write variables as a MATLAB file: whole or not at all.

    `MomentBlocks`, which a v5 file may have as variables, are never in memory as a whole.

    Raises
    ------
    FileExistsError
        When the file exists and may not be overwritten.
    ValueError
        When the name does not end in ``.mat``, a value has no counterpart in MATLAB, or a variable
        of a v5 file is over 2 GiB.
    """
    if Path(path).suffix.lower() != ".mat":
        raise ValueError(f"{path}: a MATLAB file is to be written, its name must end in '.mat'")
    with atomic_path(path, overwrite=overwrite) as temporary:
        if version == "7.3":
            write_mat73(temporary, variables)
        else:
            with temporary.open("wb") as stream:
                write_mat5(stream, variables, compress=compress, scratch=temporary.parent)
    return Path(path)
