"""The analysis in a process of its own: client, messages, shared memory, loop."""
