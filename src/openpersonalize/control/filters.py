"""Filters: expressions that choose which items a request may answer."""

from openpersonalize.protocol.operation import Operations

operations = Operations()
