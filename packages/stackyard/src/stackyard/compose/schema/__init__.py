"""The JSON Schema of the Compose Specification, as compose-go v2.9.1 ships it."""
