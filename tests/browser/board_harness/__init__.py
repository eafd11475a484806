"""The board, its API and a database that branches, for the browser tests."""
