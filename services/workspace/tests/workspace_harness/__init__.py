"""A PostgreSQL and services on it, for tests."""
