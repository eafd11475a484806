"""PostgreSQL's frontend/backend protocol, version 3, as bytes: no I/O."""
