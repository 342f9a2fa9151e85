"""Training of HIPT's two levels without labels, by self-distillation, on slides of the user's."""
