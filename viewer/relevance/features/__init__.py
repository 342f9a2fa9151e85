"""Features of patches on disk, and in other programs' files."""
