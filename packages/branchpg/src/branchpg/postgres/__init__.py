"""A stock PostgreSQL: its programs, clusters, servers, and the user they run as."""
