"""What the admin shows of reports."""
