"""What the HTTP interfaces of the three services, and their clients, share."""
