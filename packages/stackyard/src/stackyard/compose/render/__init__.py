"""A project -> text: YAML and JSON as `docker compose config` prints them."""
