"""``com3d.mat`` and ``com3d.pickle``: where the centre of mass of each animal was."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .com_pickle import Aggregation, read_com_pickle
from .mat import MatFile, read_mat, write_mat
from .mat_fields import field as field_of
from .mat_fields import floats, int_vector, is_empty, reading, struct
from .moment_blocks import MomentBlocks

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

    from .mat_values import MatValue

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

EXPECTED = "a COM file with 'com' (moments, 3[, animals]) and 'sampleID'"


@dataclass(frozen=True, eq=False)
class ComFile:
    """Centres of mass over time, as a file holds them.

    Parameters
    ----------
    path
        The file.
    positions
        (T, A, 3) mm, NaN = missing.
    sample_ids
        (T,) keys of the moments.
    metadata
        Parameters of the run that made it, as they stand in the file.
    problems
        What did not fit together.
    """

    path: Path
    positions: FloatArray
    sample_ids: IntArray
    metadata: Mapping[str, MatValue] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def read_com(path: str | os.PathLike[str], *, aggregation: Aggregation | None = None) -> ComFile:
    """Read a COM file.

    Parameters
    ----------
    path
        ``com3d.mat`` (or ``instance<i>com3d.mat``), a ``*_dannce.mat`` with a COM inside, or a
        ``com3d.pickle``, which is parsed, never executed.
    aggregation
        How the pairs of cameras in a pickle become one position; default as the reference: median.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    FileFormatError
        When it holds no COM, or is damaged.
    """
    file = Path(path)
    if file.suffix.lower() in (".pickle", ".pkl"):
        positions, sample_ids = read_com_pickle(file, aggregation or Aggregation())
        return ComFile(file, positions, sample_ids)
    found = read_mat(file, only=("com", "sampleID", "metadata"))
    with reading(file, EXPECTED):
        return _from_mat(found)


def _from_mat(found: MatFile) -> ComFile:
    variables = found.variables
    if "com" not in variables:
        raise ValueError(f"no 'com' (there is {', '.join(found.names[:20]) or 'nothing'})")
    com = variables["com"]
    if isinstance(com, dict):
        return com_of_struct(found.path, com)
    file = _com_of(found.path, com, field_of(variables, "sampleID"))
    metadata = variables.get("metadata")
    if metadata is None or is_empty(metadata):
        return file
    return replace(file, metadata=struct(metadata, "metadata"))


def com_of_struct(path: Path, com: Mapping[str, MatValue]) -> ComFile:
    """Read the COM trace inside a label file: a struct with ``com3d`` and ``sampleID``.

    Raises
    ------
    ValueError
        When a field is missing or damaged.
    """
    return _com_of(path, field_of(com, "com3d", "'com'"), field_of(com, "sampleID", "'com'"))


def _com_of(path: Path, com: MatValue, ids: MatValue) -> ComFile:
    sample_ids = int_vector(ids, "sampleID")
    positions = _positions(com, len(sample_ids))
    count = min(len(sample_ids), len(positions))
    problems: tuple[str, ...] = ()
    if len(sample_ids) != len(positions):
        problems = (
            f"{len(positions)} positions for {len(sample_ids)} sample IDs; the first {count} are "
            "used",
        )
    return ComFile(path, positions[:count], sample_ids[:count], problems=problems)


def _positions(com: MatValue, count: int) -> FloatArray:
    """(T, A, 3) of (T, 3), (3,) when T is 1, or (T, 3, A)."""
    found = floats(com, "com")
    if found.ndim == 1 and count == 1:
        found = found[None]
    if found.ndim == 2 and found.shape != (count, 3) and found.shape == (3, count):
        found = found.T
    if found.size == 0:
        return np.zeros((0, 1, 3))
    if found.ndim not in (2, 3) or found.shape[1] != 3:
        raise ValueError(f"'com' has the shape {found.shape}, not (moments, 3[, animals])")
    if found.ndim == 2:
        found = found[..., None]
    return np.ascontiguousarray(np.transpose(found, (0, 2, 1)))


def com_array(positions: npt.NDArray[np.floating]) -> FloatArray:
    """Positions (T, A, 3) as COM files hold them: (T, 3) of one animal, else (T, 3, A)."""
    one = positions.shape[1] == 1
    com = positions[:, 0] if one else np.transpose(positions, (0, 2, 1))
    return com.astype(np.float64)


def read_instance_coms(paths: Sequence[str | os.PathLike[str]]) -> ComFile:
    """Read one COM file an animal (``instance0com3d.mat``, ...) as one, over the moments all have.

    Raises
    ------
    FileNotFoundError, FileFormatError
        As `read_com`.
    ValueError
        When there are no files.
    """
    if not paths:
        raise ValueError("no COM files to read as one")
    files = [read_com(path) for path in paths]
    ids = files[0].sample_ids
    for each in files[1:]:
        ids = np.intersect1d(ids, each.sample_ids)
    columns, problems = [], [problem for each in files for problem in each.problems]
    for each in files:
        _, rows = np.unique(each.sample_ids, return_index=True)
        place = rows[np.searchsorted(each.sample_ids[rows], np.unique(ids))]
        columns.append(each.positions[place])
        if len(place) != len(each.sample_ids):
            problems.append(f"{each.path.name}: only {len(place)} of its moments are in all files")
    return ComFile(
        path=files[0].path,
        positions=np.concatenate(columns, axis=1),
        sample_ids=np.unique(ids),
        metadata=files[0].metadata,
        problems=tuple(problems),
    )


def write_com(
    folder: str | os.PathLike[str],
    positions: FloatArray,
    sample_ids: IntArray,
    *,
    start: int | None = None,
    metadata: Mapping[str, MatValue] | None = None,
    overwrite: bool = False,
) -> tuple[Path, ...]:
    """Write ``com3d<start>.mat``, and one more file an animal when there are several.

    Parameters
    ----------
    folder
        Where to; made when it is not there.
    positions
        (T, A, 3) mm.
    sample_ids
        (T,) keys of the moments.
    start
        First sample of a run over a part of the recording; None: a run over all of it.
    metadata
        Parameters to keep; None in it becomes the text ``None``, as in the reference's files.

    Returns
    -------
    The files written, that with all animals first.

    Raises
    ------
    FileExistsError
        When a file exists and may not be overwritten.
    ValueError
        When the arrays do not fit together.
    """
    if positions.ndim != 3 or positions.shape[2] != 3 or len(positions) != len(sample_ids):
        raise ValueError(
            f"COM positions have the shape {positions.shape} for {len(sample_ids)} sample IDs; "
            "expected (T, animals, 3)"
        )
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    files = com_files(
        MomentBlocks.of(positions),
        MomentBlocks.of(sample_ids, "i8"),
        start=start,
        metadata=metadata or {},
    )
    return tuple(
        write_mat(place / name, variables, overwrite=overwrite) for name, variables in files.items()
    )


def com_files(
    positions: MomentBlocks,
    sample_ids: MomentBlocks,
    *,
    start: int | None,
    metadata: Mapping[str, MatValue],
) -> dict[str, dict[str, MatValue]]:
    """Variables of each file that `write_com` writes, by its name; parameters as there."""
    name = f"com3d{'' if start is None else start}.mat"
    n_animals = positions.shape[1]
    columns = {name: list(range(n_animals))}
    if n_animals > 1:
        columns |= {f"instance{i}{name}": [i] for i in range(n_animals)}
    kept = {key: "None" if value is None else value for key, value in metadata.items()}
    return {
        each: com_variables(positions.arranged(itemgetter((slice(None), some))), sample_ids, kept)
        for each, some in columns.items()
    }


def com_variables(
    positions: MomentBlocks,
    sample_ids: MomentBlocks,
    metadata: Mapping[str, MatValue] | None = None,
) -> dict[str, MatValue]:
    """Variables of a COM file of positions (T, A, 3) mm; parameters as those of `write_com`."""
    more = {} if metadata is None else {"metadata": metadata}
    return {"sampleID": as_row(sample_ids), **more, "com": positions.arranged(com_array)}


def as_row(sample_ids: MomentBlocks) -> MomentBlocks:
    """Sample ids (1, T) of those (T,)."""
    return sample_ids.arranged(lambda block: block[None], axis=1)
