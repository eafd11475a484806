"""The image `prom/prometheus`, which finds the replicas of a project by name."""
