"""What the admin shows of an execution, and the page on which a version is tried. Named in `executions/admin.py`."""
