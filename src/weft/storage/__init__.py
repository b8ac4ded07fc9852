"""Adapters to places that hold bytes under keys. Nothing here knows what the bytes mean."""
