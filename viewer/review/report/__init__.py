"""Reports of a case: its readings, folded from the record, as JSON, as one HTML file and as PDF."""
