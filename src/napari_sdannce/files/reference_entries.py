"""Entries of ``exp`` and ``com_exp`` of the reference program, as experiments of ours.

There, two animals of a recording are two entries, each with labels and COMs of one of them. Here
they are one experiment, so that what animals do together can be learned.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from os.path import normpath
from typing import TYPE_CHECKING

import numpy as np

from napari_sdannce.settings.base import ExperimentSettings

from .com_mat import read_com, read_instance_coms
from .errors import FileFormatError
from .mat import read_mat
from .mat_fields import structs
from .reference_ignored import Ignored
from .reference_losses import learns_unlabelled
from .reference_parts import videos_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .reference_config import Reference, ReferenceExperiment

_INSTANCE = re.compile(r"instance(\d{1,3})(com3d\d*\.mat)")


@dataclass(frozen=True)
class Entries:
    """Entries that are one experiment here.

    Parameters
    ----------
    entries
        One an animal.
    numbers
        Their places among all entries.
    com
        Trace of all their animals.
    """

    entries: tuple[ReferenceExperiment, ...]
    numbers: tuple[int, ...]
    com: Path | None

    @property
    def is_joined(self) -> bool:
        """Whether they are several."""
        return len(self.entries) > 1


def of_poses(reference: Reference) -> tuple[list[Entries], list[Ignored]]:
    """Entries of ``exp`` by experiment, and what is to be told of those that belong together."""
    found: list[Entries] = []
    notes = []
    for numbers in _together(reference.config.exp):
        entries = [reference.config.exp[i] for i in numbers]
        joined = _joined(reference, entries, numbers)
        if isinstance(joined, Entries):
            found.append(joined)
        else:
            found += [
                Entries((each,), (i,), _com(reference, each))
                for each, i in zip(entries, numbers, strict=True)
            ]
        if len(entries) > 1:
            notes.append(_note(reference, entries[0].folder, joined))
    return found, notes


def _note(reference: Reference, folder: Path, joined: Entries | str) -> Ignored:
    reason = (
        f"the entries of {folder} are one recording of its animals: a moment trains or validates "
        "with all of them"
        if isinstance(joined, Entries)
        else f"the entries of {folder} are learned from one by one, and not as animals that are "
        f"together: {joined}"
    )
    return Ignored("exp", len(reference.config.exp), reason, reference.files[0], in_part=True)


def _together(entries: Sequence[ReferenceExperiment]) -> Iterator[list[int]]:
    """Places of entries after one another that are of other animals of one recording."""
    group: list[int] = []
    for i, entry in enumerate(entries):
        if group and not _are_together([entries[j] for j in group], entry):
            yield group
            group = []
        group.append(i)
    if group:
        yield group


def _are_together(group: Sequence[ReferenceExperiment], entry: ReferenceExperiment) -> bool:
    number, first = _instance(entry), group[0]
    return (
        number is not None
        and None not in (known := [_instance(each) for each in group])
        and number not in known
        and normpath(entry.folder) == normpath(first.folder)
        and (entry.camnames, entry.viddir) == (first.camnames, first.viddir)
        and entry.label3d_file not in [each.label3d_file for each in group]
    )


def _instance(entry: ReferenceExperiment) -> int | None:
    """Number of the animal whose COMs an entry names."""
    match = _INSTANCE.fullmatch(entry.com_file.name) if entry.com_file is not None else None
    return int(match[1]) if match else None


def _joined(
    reference: Reference, entries: Sequence[ReferenceExperiment], numbers: list[int]
) -> Entries | str:
    """The entries as one experiment, or why they can not be one."""
    if len(entries) == 1:
        return Entries(tuple(entries), tuple(numbers), _com(reference, entries[0]))
    validating = set(numbers) & set(reference.config.valid_exp)
    if validating and len(validating) < len(numbers):
        return "some of them only validate (valid_exp)"
    files = [each.com_file for each in entries if each.com_file is not None]
    com = None if _from_labels(reference) else _joint_com(files)
    if com is None and not _from_labels(reference):
        names = ", ".join(path.name for path in files)
        return f"no COM file in {files[0].parent} holds the COMs of {names} together"
    return Entries(tuple(entries), tuple(numbers), com)


def _joint_com(files: Sequence[Path]) -> Path | None:
    """COM trace in which these animals are together, None when there is none that is sure."""
    matches = [match for path in files if (match := _INSTANCE.fullmatch(path.name))]
    order = [int(match[1]) for match in matches]
    folder, name = files[0].parent, matches[0][2]
    if any(path.parent != folder for path in files) or any(match[2] != name for match in matches):
        return None
    whole = folder / name
    try:
        if not whole.is_file():
            is_clear = name == "com3d.mat" and not any(folder.glob("*.zarr"))
            return folder if is_clear and all(path.is_file() for path in files) else None
        trace, apart = read_com(whole), read_instance_coms(files)
    except (FileFormatError, FileNotFoundError):
        return None
    if max(order) >= trace.positions.shape[1]:
        return None
    same = np.array_equal(trace.sample_ids, apart.sample_ids) and np.array_equal(
        trace.positions[:, order], apart.positions, equal_nan=True
    )
    return whole if same else None


def _com(reference: Reference, entry: ReferenceExperiment) -> Path | None:
    """COM trace of an entry: its file, else that in its labels."""
    if _from_labels(reference):
        return None
    if entry.com_file is None and not reference.config.com_fromlabels:
        return entry.label3d_file if _holds_com(entry.label3d_file) else None
    return entry.com_file


def _from_labels(reference: Reference) -> bool:
    """Whether COMs are those of labels; frames without labels need others."""
    return reference.config.com_fromlabels and not learns_unlabelled(reference)


def _holds_com(label_file: Path) -> bool:
    try:
        return bool(len(read_com(label_file).sample_ids))
    except (FileFormatError, FileNotFoundError):
        return False


def alone(reference: Reference, entries: Sequence[ReferenceExperiment]) -> list[Entries]:
    """Each entry by itself, as the COM network takes them."""
    return [Entries((each,), (i,), _com(reference, each)) for i, each in enumerate(entries)]


def experiment(reference: Reference, found: Entries, origin: str) -> ExperimentSettings:
    """Entries as an experiment whose first pixel lies at `origin`."""
    config, entry = reference.config, found.entries[0]
    return ExperimentSettings.model_validate(
        {
            "folder": entry.folder,
            "videos": videos_in(entry.viddir, entry.folder),
            "labels": tuple(each.label3d_file for each in found.entries),
            "com": found.com,
            "skeleton": config.skeleton if "skeleton" in reference.given else None,
            "cameras": entry.camnames or config.camnames or (),
            "com_gap": 0,
            "com_median": config.medfilt_window,
            "com_limit_mm": config.cthresh,
            "pixel_origin": origin,
        }
    )


def n_cameras(reference: Reference, entry: ReferenceExperiment) -> int | None:
    """How many cameras an entry has; None when its label file can not be read."""
    chosen = entry.camnames or reference.config.camnames
    if chosen:
        return len(chosen)
    try:
        found = read_mat(entry.label3d_file, only=("params",)).variables
        return len(structs(found["params"], "params"))
    except (FileFormatError, FileNotFoundError, KeyError, ValueError):
        return None
