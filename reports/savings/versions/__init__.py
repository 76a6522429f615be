"""The versions of a workflow beside each other."""
