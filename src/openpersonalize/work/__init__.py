"""What workers do; one module per kind of job."""
