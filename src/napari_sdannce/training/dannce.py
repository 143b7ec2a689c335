"""Training of the networks that find keypoints: DANNCE and s-DANNCE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sdannce.models.checkpoint_info import CheckpointInfo
from napari_sdannce.models.dannce import DannceConfig
from napari_sdannce.models.sdannce import SdannceConfig
from napari_sdannce.settings.dannce import SdannceTrainSettings
from napari_sdannce.training.dannce_examples import (
    DannceExample,
    n_wanted,
    read_examples,
    what_is_lacking,
)
from napari_sdannce.training.experiments import without_keypoints
from napari_sdannce.training.lesson import Lesson, teach
from napari_sdannce.training.losses import (
    PoseKnowledge,
    check_losses,
    make_terms,
)
from napari_sdannce.training.pose_task import PoseTask
from napari_sdannce.training.start import check_same_names, opened
from napari_sdannce.training.volume_maker import VolumeMaker

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import torch

    from napari_sdannce.settings.dannce import DannceTrainSettings
    from napari_sdannce.settings.events import Event
    from napari_sdannce.skeletons import Skeleton
    from napari_sdannce.training.experiments import Experiment


def train_dannce(
    settings: DannceTrainSettings, experiments: Sequence[Experiment] | None = None
) -> Generator[Event, None, None]:
    """Train a DANNCE network on labelled recordings, or with its settings an s-DANNCE network.

    Parameters
    ----------
    settings
        What to learn from, how, and where results go: `DannceTrainSettings`, or
        `SdannceTrainSettings`.
    experiments
        Opened already; default: those of the settings.

    Yields
    ------
    Event
        Progress of reading, then steps, epochs and checkpoints, at last `JobDone`.

    Raises
    ------
    FileNotFoundError, FileExistsError, FileFormatError, CheckpointError
        When a file can not be read or would be overwritten.
    ValueError
        When settings and recordings do not fit.
    """
    yield from teach(pose_lesson(settings, experiments), settings)


def pose_lesson(
    settings: DannceTrainSettings, experiments: Sequence[Experiment] | None = None
) -> Lesson[DannceExample]:
    """What is particular to a pose network.

    Raises
    ------
    FileNotFoundError, FileFormatError
        When something can not be read.
    ValueError
        When settings and recordings do not fit.
    """
    experiments = [
        without_keypoints(each, settings.drop_keypoints)
        for each in opened(experiments, settings, "dannce")
    ]
    check_same_names(experiments, "keypoints")
    if settings.views != "with_replacement" or settings.n_views is None:
        check_same_names(experiments, "cameras")
    skeleton = experiments[0].labels.skeleton
    swapped = mirrored(skeleton, settings)
    known = PoseKnowledge(
        skeleton,
        np.zeros((0, len(skeleton.keypoints), 3)),
        head=settings.head,
        sigma_mm=settings.sigma_mm,
        refines=isinstance(settings, SdannceTrainSettings),
        n_animals=max(len(each.labels.animals) for each in experiments),
        has_masks=all(each.masks is not None for each in experiments),
    )
    check_losses(settings.losses, known)

    def task(
        train: Sequence[DannceExample], validation: Sequence[DannceExample], device: torch.device
    ) -> PoseTask:
        poses = [example.points for example in train if example.is_labelled]
        terms = make_terms(settings.losses, known.of_poses(np.stack(poses)))
        maker = VolumeMaker(settings, device, swapped)
        return PoseTask(settings, train, validation, maker, terms, skeleton.name)

    return Lesson(
        folder="SDANNCE" if known.refines else "DANNCE",
        unit="poses",
        experiments=experiments,
        info=_describe_network(settings, experiments[0]),
        count=lambda experiment: n_wanted(experiment, settings),
        read=lambda experiment, first: read_examples(experiment, settings, first),
        task=task,
        lacks=lambda experiment: what_is_lacking(experiment, settings),
    )


def mirrored(skeleton: Skeleton, settings: DannceTrainSettings) -> tuple[int, ...]:
    """Order of the keypoints in a mirror.

    Raises
    ------
    ValueError
        When volumes shall be mirrored and it is not known what is left and right, or a pair is not
        of two keypoints.
    """
    paired = skeleton.with_pairs(settings.mirror_pairs)
    if settings.mirror and not paired.pairs:
        raise ValueError(
            f"mirror: skeleton '{skeleton.name}' does not say which keypoints are left and right "
            f"({', '.join(skeleton.keypoints)}); give 'mirror_pairs' as LEFT:RIGHT, or a skeleton "
            "with 'pairs'"
        )
    return paired.swapped()


def _describe_network(settings: DannceTrainSettings, first: Experiment) -> CheckpointInfo:
    names = first.recording.names
    if settings.views == "without_replacement" and (settings.n_views or 0) > len(names):
        raise ValueError(
            f"n_views {settings.n_views} can not be drawn without replacement from {len(names)} "
            "cameras"
        )
    skeleton = first.labels.skeleton
    shared: dict[str, Any] = {
        "n_views": settings.n_views or len(names),
        "channels_per_view": 1 if settings.mono else 3,
        "n_keypoints": len(skeleton.keypoints),
        "width": settings.width,
        "norm": settings.norm,
    }
    network: DannceConfig | SdannceConfig = DannceConfig(**shared, head=settings.head)
    if isinstance(settings, SdannceTrainSettings):
        graph = settings.graph.model_dump()
        network = SdannceConfig(
            **shared, bones=skeleton.bones, graph_norm=graph.pop("norm"), **graph
        )
    return CheckpointInfo(
        network=network,
        keypoints=skeleton.keypoints,
        skeleton=skeleton.name,
        cameras=names,
        pixel_origin=first.recording.pixel_origin,
        volume=settings.volume,
    )
