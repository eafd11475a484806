"""What a known image means without a container engine: one adapter each."""
