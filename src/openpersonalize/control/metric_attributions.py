"""Metric attributions: what is counted of the events that recommendations lead to."""

from openpersonalize.protocol.operation import Operations

operations = Operations()
