"""The worklist: cases of one or more slides, their states, which of them needs reading first, and why."""
