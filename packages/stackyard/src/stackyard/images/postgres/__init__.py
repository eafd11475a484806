"""The official image `postgres`: its adapter, and what stands for its entrypoint."""
