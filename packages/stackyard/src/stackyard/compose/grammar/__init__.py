"""The small grammars inside Compose values: one module each, pure, no I/O.

Every module turns one string (or scalar) into what `docker compose config` would
make of it, or raises `InvalidValueError`. None knows where its value stands in the
document; the stage that calls it does.
"""
