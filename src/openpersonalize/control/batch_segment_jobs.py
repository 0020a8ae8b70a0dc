"""Batch segment jobs: the users who fit an item or an attribute, from a file into a file."""

from openpersonalize.protocol.operation import Operations

operations = Operations()
