"""Data deletion jobs: all that a dataset group holds of given users, erased."""

from openpersonalize.protocol.operation import Operations

operations = Operations()
