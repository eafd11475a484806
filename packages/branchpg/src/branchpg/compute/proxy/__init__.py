"""The proxy: one port in front of all endpoints.

It reads what a client sends first, finds the endpoint it means, has it started if need
be, and logs the client in; from then on it only passes bytes, in processes of their
own. See docs/reference/proxy.md.
"""
