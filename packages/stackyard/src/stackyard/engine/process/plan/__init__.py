"""Comparing what runs with what is wanted: pure functions that return a plan.

Nothing here does I/O or asks the time; a plan is data, can be printed
(`yard up --dry-run`) and is what the tests compare.
"""
