"""The filter-expression language: from a text to what keeps or removes an item."""
