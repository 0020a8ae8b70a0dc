"""`python -m openpersonalize.cli`: the command without its script, for the processes that it starts."""

from openpersonalize.cli import main

main()
