"""Training of the tissue encoder on slides with labelled regions."""
