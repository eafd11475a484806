"""From a Compose project to what runs natively (spec.py)."""
