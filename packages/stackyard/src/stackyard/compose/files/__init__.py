"""Finding Compose files, reading them safely, and parsing their YAML."""
