"""Where the results of a prediction go, and whether what is there is of the same one."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_sdannce.files.errors import FileFormatError
from napari_sdannce.predictions import ComStore, PoseStore
from napari_sdannce.predictions.hashes import weights_hash

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from napari_sdannce.jobs.checks import KnownNetwork

Kind = Literal["poses", "com"]
_STORES: dict[Kind, type[PoseStore | ComStore]] = {"poses": PoseStore, "com": ComStore}
_FOREIGN: dict[Kind, tuple[str, ...]] = {
    "poses": ("save_data_*.mat", "init_save_data_*.mat", "com3d_used.mat"),
    "com": ("com3d.mat", "com3d[0-9]*.mat", "instance*com3d*.mat"),
}
"""Files that a prediction writes beside its store, and does not overwrite without one."""
_OF_GRAPHS = b"pose_generator."
"""What names of weights begin with in networks of the reference program that have a graph."""


@dataclass(frozen=True, eq=False)
class WantedPrediction:
    """A prediction that is to be made, as far as it is known before.

    Parameters
    ----------
    kind
        Of its store.
    weights
        Hash of the network's weights.
    sample_ids
        (n,) keys of the moments to predict; None: not known before.
    com
        Hash of the COM trace; None: it has none, or it is not known before.
    cube
        Settings of the cube of voxels, as far as they are known before.
    """

    kind: Kind
    weights: str
    sample_ids: npt.NDArray[np.int64] | None = None
    com: str | None = None
    cube: Mapping[str, Any] = field(default_factory=dict)

    def other_in(self, folder: Path) -> str | None:
        """What a folder holds that this prediction can not be written to; None when it can.

        It can where there is nothing, or a part of the same prediction.
        """
        if not folder.exists():
            return None
        if not folder.is_dir():
            return "is a file"
        path = self._store_in(folder)
        if not path.exists():
            foreign = any(any(folder.glob(pattern)) for pattern in _FOREIGN[self.kind])
            return "holds results of another program" if foreign else None
        try:
            return self._difference(_STORES[self.kind].open(path))
        except FileFormatError:
            return f"holds a {path.name} that can not be read"

    def _difference(self, store: PoseStore | ComStore) -> str | None:
        if store.job.weights != self.weights:
            return "holds a prediction of another network"
        if self.sample_ids is not None and not np.array_equal(store.sample_ids(), self.sample_ids):
            return "holds a prediction of other frames"
        if self.com is not None and store.job.settings.get("com") != self.com:
            return "holds a prediction from another COM trace"
        theirs = store.job.settings.get("volume")
        if isinstance(theirs, dict) and self.cube.items() - theirs.items():
            return "holds a prediction with another cube"
        return None

    def is_begun_in(self, folder: Path) -> bool:
        """Whether a folder has a store of this kind."""
        return self._store_in(folder).exists()

    def is_whole_in(self, folder: Path) -> bool:
        """Whether nothing is missing of the prediction that is begun in a folder."""
        return not _STORES[self.kind].open(self._store_in(folder)).missing_chunks()

    def _store_in(self, folder: Path) -> Path:
        return folder / f"{self.kind}.zarr"

    def free_folder(self, first: Path) -> Path:
        """The first folder of ``predict``, ``predict-2`` ... that this one can be written to."""
        candidate, number = first, 2
        while self.other_in(candidate):
            candidate, number = first.with_name(f"{first.name}-{number}"), number + 1
        return candidate


def kept_frames(output: Path) -> tuple[int, int] | None:
    """Frames of the prediction in a folder that are kept, and all of them; None: there is none."""
    for kind, store in _STORES.items():
        path = output / f"{kind}.zarr"
        if path.exists():
            try:
                opened = store.open(path)
            except FileFormatError:
                return None
            return len(opened) - sum(map(len, opened.missing_chunks())), len(opened)
    return None


def hash_of(checkpoint: Path) -> str:
    """Hash of a network's weights; the file is read anew only when it has changed."""
    about = checkpoint.stat()
    return _hash_of(checkpoint, about.st_mtime_ns, about.st_size)


@lru_cache(maxsize=8)
def _hash_of(checkpoint: Path, changed: int, size: int) -> str:
    return weights_hash(checkpoint)


def poses_folder(experiment: Path, checkpoint: Path, network: KnownNetwork | None) -> Path:
    """Folder that poses of a network go to, unless another one is chosen.

    Parameters
    ----------
    experiment
        The experiment folder.
    checkpoint
        The network.
    network
        What is known of it; None for a ``.pth`` of the reference program.
    """
    if network is not None:
        kind = network.kind
    else:
        kind = "sdannce" if _has_graph(checkpoint) else "dannce"
    return experiment / kind.upper() / "predict"


def _has_graph(checkpoint: Path) -> bool:
    """Whether a ``.pth`` holds a graph network, by the names of its weights: nothing is loaded."""
    try:
        with zipfile.ZipFile(checkpoint) as archive:
            heads = [name for name in archive.namelist() if name.endswith("data.pkl")]
            return any(_OF_GRAPHS in archive.read(name) for name in heads)
    except (zipfile.BadZipFile, OSError):
        return False  # as very old ones are; the prediction says what is wrong with others
