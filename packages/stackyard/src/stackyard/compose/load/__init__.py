"""The stages between a parsed file and a canonical document, one module each.

Every stage takes and returns plain values (dicts, lists, strings, numbers), does no I/O
unless its name says so, and owns the tree it is given: it may change it in place.
"""
