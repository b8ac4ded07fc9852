"""weft: Git-native data and model versioning."""

__version__ = "0.2.0.dev0"
