"""Recommenders: domain recipes that train, deploy and renew themselves."""

from openpersonalize.protocol.operation import Operations

operations = Operations()
