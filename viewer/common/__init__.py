"""Services of the whole process that know no slide: paths, settings, log, atomic writes, errors, text."""
