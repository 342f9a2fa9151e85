"""``foveola review``: cases, readings and their record, and the figures of reader studies."""
