"""The pageserver: owns timelines and snapshots, and makes branches of them."""
