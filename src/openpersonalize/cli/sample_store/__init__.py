"""The sample store: an invented shop with invented customers, the same for the same seed."""
