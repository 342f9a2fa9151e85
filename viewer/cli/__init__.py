"""The ``foveola`` command: one file a group of commands."""
