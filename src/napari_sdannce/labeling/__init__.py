"""The labeling session as a state machine."""
