"""Services of the whole process, independent of slides: paths, settings, log, atomic writes, errors, text."""
