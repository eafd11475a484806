"""Compose files -> a typed, immutable Project.

Compose Specification, https://compose-spec.io. The package reads the files that a
command or another file names, and does nothing else: it runs nothing and opens no
connection.
"""
