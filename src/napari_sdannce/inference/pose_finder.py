"""Volumes round centres of mass, and the keypoints in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from napari_sdannce.models.devices import device_of
from napari_sdannce.models.heatmaps import peak_logit, peak_probability
from napari_sdannce.models.poses import find_poses
from napari_sdannce.models.volume_samplers import sampler_for
from napari_sdannce.predictions import PoseChunk, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from napari_sdannce.geometry import Camera
    from napari_sdannce.models.poses import Found, PoseNetwork
    from napari_sdannce.models.reliability import Reliability
    from napari_sdannce.models.volume_samplers import Sampler
    from napari_sdannce.settings.volume import VolumeSettings

FloatArray = npt.NDArray[np.float64]
Image = npt.NDArray[np.uint8]

_FEWEST_VIEWS = 2


@dataclass(frozen=True, eq=False)
class MomentInput:
    """Frames of one moment and the centres of its animals.

    Parameters
    ----------
    images
        One a camera, None = can not be read.
    coms
        (A, 3) mm, NaN = not known.
    replaced
        A camera, and the one that the network is shown in its place.
    outside
        (A,) whose centre is NaN as it lay beyond what was allowed.
    """

    images: Sequence[Image | None]
    coms: FloatArray
    replaced: tuple[int, int] | None = None
    outside: npt.NDArray[np.bool_] | None = None

    @property
    def views(self) -> tuple[int, ...] | None:
        """Which camera the network is shown for each; None when too few can be read."""
        views = stand_ins(self.images)
        if views is None:
            return None
        if self.replaced is not None:
            view, other = self.replaced
            views[view] = views[other]
        return tuple(views)


@dataclass(frozen=True)
class ReplacedView:
    """A camera in whose place another one is shown, drawn for each moment.

    Parameters
    ----------
    view
        Number of the camera.
    n_views
        How many cameras there are.
    seed
        Of what is drawn; the same moment always gets the same camera.
    """

    view: int
    n_views: int
    seed: int

    def at(self, moment: int) -> tuple[int, int]:
        """The camera, and the one to show."""
        drawn = np.random.default_rng((self.seed, moment)).integers(1, self.n_views)
        return self.view, int(self.view + drawn) % self.n_views


@dataclass(frozen=True, eq=False)
class VolumesOfMoments:
    """Volumes of the animals of n moments.

    Parameters
    ----------
    volumes
        (B, V * channels, y, x, z) uint8, or float32 of brightness.
    filled
        (n, A) whose they are, moment by moment.
    coms
        (n, A, 3) mm.
    reasons
        (n, A) `Reason` why an animal has no volume.
    """

    volumes: Tensor
    filled: npt.NDArray[np.bool_]
    coms: FloatArray
    reasons: npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class PoseFinder:
    """Finds keypoints round centres of mass.

    Parameters
    ----------
    network
        On the device where it shall run.
    cameras
        In the order of the network's views.
    volume
        The cube.
    reliability
        How often keypoints are right, by their heatmap's spread; None: the confidence is the
        probability of the likeliest voxel, which means little by itself.
    """

    network: PoseNetwork
    cameras: tuple[Camera, ...]
    volume: VolumeSettings
    reliability: Reliability | None = None

    @cached_property
    def _samplers(self) -> dict[tuple[int, ...], Sampler]:
        return {}

    def _sampler(self, views: tuple[int, ...]) -> Sampler:
        if views not in self._samplers:
            cameras = tuple(self.cameras[view] for view in views)
            mono = self.network.config.channels_per_view == 1
            device = device_of(self.network)
            self._samplers[views] = sampler_for(cameras, self.volume, device, mono=mono)
        return self._samplers[views]

    def fill(self, moments: Sequence[MomentInput]) -> VolumesOfMoments:
        """Fill a volume for every animal with a centre.

        Where a camera's frame can not be read another one's stands in.
        """
        coms = np.stack([moment.coms for moment in moments])
        known: npt.NDArray[np.bool_] = np.asarray(np.isfinite(coms).all(axis=-1))
        reasons = np.where(known, Reason.NONE, Reason.NO_COM).astype(np.uint8)
        for row, moment in enumerate(moments):
            if moment.outside is not None:
                reasons[row, moment.outside] = Reason.OUTSIDE
        filled = known.copy()
        volumes = []
        for row, moment in enumerate(moments):
            views = moment.views
            if not known[row].any():
                continue
            if views is None:
                filled[row] = False
                reasons[row, known[row]] = Reason.UNREADABLE_FRAME
                continue
            images = [moment.images[view] for view in views]
            volumes.append(self._sampler(views).fill(images, moment.coms[known[row]]))
        together = torch.cat(volumes) if volumes else torch.zeros((0, 1, 1, 1, 1))
        return VolumesOfMoments(together, filled, coms, reasons)

    def find(self, given: VolumesOfMoments) -> PoseChunk:
        """Poses of n moments."""
        filled = given.filled
        shape = (*filled.shape, self.network.config.n_keypoints)
        positions, confidence, highest, covariances = (
            np.full(size, np.nan) for size in ((*shape, 3), shape, shape, (*shape, 6))
        )
        initial = np.full((*shape, 3), np.nan) if self.refines else None
        if len(given.volumes):
            device, centres = device_of(self.network), given.coms[filled]
            with torch.inference_mode():
                where = torch.from_numpy(centres).float().to(device)
                volumes, voxel = given.volumes.to(device), self.volume.voxel_mm
                found = find_poses(self.network, volumes, voxel, where, mixed=True)
            positions[filled] = _in_world(found.positions, centres)
            if initial is not None and found.initial is not None:
                initial[filled] = _in_world(found.initial, centres)
            covariances[filled] = self._covariances(found)
            confidence[filled] = self._confidence(found, covariances[filled])
            highest[filled] = peak_logit(found.logits).cpu().numpy()
        return PoseChunk(
            positions=positions,
            confidence=confidence,
            com=given.coms,
            reasons=given.reasons,
            initial=initial,
            heatmap_max=highest,
            covariance=covariances,
        )

    @property
    def extras(self) -> tuple[str, ...]:
        """Optional arrays of a store that can be filled."""
        return ("covariance", "heatmap_max", *(("initial",) if self.refines else ()))

    def _covariances(self, found: Found) -> FloatArray:
        """(B, K, 6) mm^2."""
        with torch.inference_mode():
            own = found.covariance(self.volume.voxel_mm).float().cpu().numpy()
        return np.asarray(own, dtype=np.float64)

    def _confidence(self, found: Found, covariances: FloatArray) -> FloatArray:
        """(B, K) probability that a keypoint is right, as far as validation told."""
        if self.reliability is None:
            return peak_probability(found.logits).cpu().numpy().astype(np.float64)
        spreads = np.sqrt(covariances[..., [0, 3, 5]].sum(axis=-1))
        return self.reliability.of(spreads)

    @property
    def refines(self) -> bool:
        """Whether there is a first pose that the network then refines."""
        return self.network.config.kind == "sdannce"


def _in_world(offsets: Tensor, centres: FloatArray) -> FloatArray:
    """Positions (B, K, 3) from offsets to the centres (B, 3)."""
    return offsets.float().cpu().numpy().astype(np.float64) + centres[:, None]


def stand_ins(images: Sequence[Image | None]) -> list[int] | None:
    """Which camera serves for each: itself, or the next one whose frame can be read.

    None when fewer than two, or fewer than half, can be read. (Of a single camera, that one.)
    """
    readable = [view for view, image in enumerate(images) if image is not None]
    if len(readable) < min(len(images), max(_FEWEST_VIEWS, len(images) / 2)):
        return None
    return [
        min(readable, key=lambda other: (other - view) % len(images)) for view in range(len(images))
    ]
