"""File formats: one module each, foreign field names stay in here."""

from .errors import FileFormatError
from .experiment import open_recording
from .label_file import open_labels
from .skeleton_mat import open_skeleton

__all__ = ["FileFormatError", "open_labels", "open_recording", "open_skeleton"]
