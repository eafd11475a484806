"""Serves the built pages of the workspace board."""
