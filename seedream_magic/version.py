"""The version of this package, in one place for whoever sends or shows it."""

__version__ = "0.1.0"
