"""How good the answers are: every recipe beside its peers, `python -m benchmarks.quality`."""
