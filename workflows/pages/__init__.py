"""What the admin shows of a workflow and of a version, made to be read. Named in `workflows/admin.py`."""
