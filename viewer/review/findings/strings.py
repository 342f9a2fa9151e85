"""Sentences about findings."""

BAD_FINDING = "a finding of the record cannot be read: {reason}"
ALSO = "{label}; {other}"
