"""`python -m docs.generator`, which `make docs` runs."""

from docs.generator.pages import write

write()
