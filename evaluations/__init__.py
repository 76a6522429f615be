"""Proven before trusted: cases, graders, evaluations, and the gate in front of a publication."""
