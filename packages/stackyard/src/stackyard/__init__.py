"""Stackyard: ordinary Compose files, run as native processes or containers."""

__version__ = "0.1.0"
