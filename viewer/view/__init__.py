"""Where the reader looks: camera, screen, viewport, gaze."""
