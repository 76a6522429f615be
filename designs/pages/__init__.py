"""The pages of designs, redesigns and groups of flags in the admin."""
