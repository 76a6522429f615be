"""Pages of the admin about what a version is held against."""
