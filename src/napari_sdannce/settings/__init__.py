"""Settings of every job: pydantic models with units and limits, no logic."""

from napari_sdannce.settings.base import (
    ClusterJobSettings,
    ExperimentSettings,
    PredictSettings,
    Settings,
    TrainSettings,
)
from napari_sdannce.settings.com import ComImageSettings, ComPredictSettings, ComTrainSettings
from napari_sdannce.settings.dannce import (
    DanncePredictSettings,
    DannceTrainSettings,
    SdannceTrainSettings,
)
from napari_sdannce.settings.volume import VolumeSettings

__all__ = [
    "ClusterJobSettings",
    "ComImageSettings",
    "ComPredictSettings",
    "ComTrainSettings",
    "DanncePredictSettings",
    "DannceTrainSettings",
    "ExperimentSettings",
    "PredictSettings",
    "SdannceTrainSettings",
    "Settings",
    "TrainSettings",
    "VolumeSettings",
]
