"""Running branches: endpoints, and the proxy in front of them."""
