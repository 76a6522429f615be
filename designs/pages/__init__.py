"""The pages of designs in the admin."""
