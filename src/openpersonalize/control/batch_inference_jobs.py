"""Batch inference jobs: recommendations for many users or items, from a file into a file."""

from openpersonalize.protocol.operation import Operations

operations = Operations()
