"""The only code that talks to a model. Knows nothing of workflows: its callers give plain ids."""
