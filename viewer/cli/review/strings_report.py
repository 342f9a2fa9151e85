"""Sentences of the command that writes reports."""

from __future__ import annotations

REPORT = "write the report of a case: readings, findings with pictures, what was displayed, limits"
CASE = "the id of a case; see `foveola review list`"
OUTPUT = "the report: PDF, one HTML file, or JSON, by its end"
TITLES = "with the title of the case and the paths of its slides, which may name a patient"
TEMPLATE = "a folder of templates (report.html) that go before the shipped ones"
DRAWING = "Drawing pictures"
WRITTEN = "{path}: written"
THE_RECORD = "the record"
