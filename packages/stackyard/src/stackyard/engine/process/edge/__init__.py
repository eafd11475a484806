"""The edge: one process per project that forwards ports to healthy replicas.

It outlives its supervisor, and what it listens on outlives it: whoever drives it
keeps a duplicate of every listening socket (see `client`), so that connections wait
while a new edge starts. `python -P -m stackyard.engine.process.edge --socket PATH`
runs it; `spawn` starts that, `client` speaks to it, `ports` explains a taken port.

The process is kept small: what it imports uses neither `typing`, `dataclasses` nor
`asyncio`. `client`, `spawn` and `ports` are the supervisor's and not loaded by it.
"""
