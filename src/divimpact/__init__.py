"""Reviews of a city's diversity policy from its own data."""

__version__ = "0.1.0"
