"""The command `yard`: parse, call, print."""
