"""Asynchronous work in general; knows no resource."""
