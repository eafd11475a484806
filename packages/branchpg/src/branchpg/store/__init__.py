"""Timelines and snapshots on disk: layout, copy-on-write clones, durable files."""
