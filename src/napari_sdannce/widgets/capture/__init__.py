"""The panel "Capture": connect cameras, see what they see, record."""
