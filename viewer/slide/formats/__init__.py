"""One reader a slide format, and the registry that picks one."""
