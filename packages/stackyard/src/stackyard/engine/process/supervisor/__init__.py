"""The supervisor: one background process per project that keeps its containers.

It observes, plans and executes, follows health and restart policies, and answers on a
Unix socket. It may die at any moment: what it needs to go on is on disk before it acts.
"""
