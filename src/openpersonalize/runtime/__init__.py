"""The low-latency path: recommendations."""
