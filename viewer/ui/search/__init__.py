"""The query panel, its state and its controller."""
