"""Training examples, losses and the loop."""

from napari_sdannce.training.com import train_com
from napari_sdannce.training.dannce import train_dannce
from napari_sdannce.training.experiments import Experiment, open_experiment

__all__ = ["Experiment", "open_experiment", "train_com", "train_dannce"]
