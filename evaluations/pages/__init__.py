"""The pages of cases, evaluations and gates in the admin."""
