"""Places that somebody says something about: found by the program, or marked by a reader."""
