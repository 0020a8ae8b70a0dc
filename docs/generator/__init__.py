"""The pages that follow from the code; `python -m docs.generator` writes them, a test finds stale ones."""
