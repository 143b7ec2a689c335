"""Frame-exact video reading, lazily, and writing."""
