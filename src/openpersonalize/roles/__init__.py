"""Composition roots, one per kind of process."""
