"""What trains.

`catalogue`, `recipe` and `hyperparameters` are plain descriptions, which the control plane imports.
Everything else loads numpy, polars, numba or implicit, and is imported by the worker's training child alone.
"""
