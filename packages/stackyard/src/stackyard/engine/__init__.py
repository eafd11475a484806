"""Where a project runs."""
