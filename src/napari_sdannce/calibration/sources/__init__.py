"""Where images of a board come from, and which of them are of one moment."""
