"""Running networks over recordings."""

from napari_sdannce.inference.com import predict_com
from napari_sdannce.inference.common import open_to_predict
from napari_sdannce.inference.dannce import predict_dannce

__all__ = ["open_to_predict", "predict_com", "predict_dannce"]
