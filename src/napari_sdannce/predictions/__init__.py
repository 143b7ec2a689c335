"""The prediction store, traces of centres of mass, quality and exports."""

from napari_sdannce.predictions.claims import Claims
from napari_sdannce.predictions.com import ComTrace
from napari_sdannce.predictions.com_store import ComChunk, ComStore
from napari_sdannce.predictions.identities import PossibleSwap, link_identities, possible_swaps
from napari_sdannce.predictions.job import Job, Reason
from napari_sdannce.predictions.opening import open_predictions, read_com_trace, read_covariance
from napari_sdannce.predictions.store import PoseChunk, PoseStore

__all__ = [
    "Claims",
    "ComChunk",
    "ComStore",
    "ComTrace",
    "Job",
    "PoseChunk",
    "PoseStore",
    "PossibleSwap",
    "Reason",
    "link_identities",
    "open_predictions",
    "possible_swaps",
    "read_com_trace",
    "read_covariance",
]
