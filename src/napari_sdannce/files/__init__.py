"""File formats: one module each, foreign field names stay in here."""
