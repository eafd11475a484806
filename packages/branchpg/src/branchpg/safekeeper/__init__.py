"""The safekeeper: a synchronous standby of every endpoint that keeps its WAL."""
