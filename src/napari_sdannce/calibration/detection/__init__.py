"""Boards in images: finding them, and what was found."""
