"""From an old workspace database to the stack's: read, check, copy, report."""
