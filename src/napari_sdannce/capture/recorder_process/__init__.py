"""The recorder in a process of its own: windows may close, recording goes on and is found again."""
