"""Stages: their graph, what makes them stale, running and recording them, and what a commit must prove."""
