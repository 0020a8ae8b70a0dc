"""Dataset export jobs: a dataset's records as CSV files in a bucket."""

from openpersonalize.protocol.operation import Operations

operations = Operations()
