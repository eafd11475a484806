"""Stock PostgreSQL that branches like Git: pageserver, safekeeper, compute, client."""
