"""What is claimed about speed, measured against a named peer in the same run. `python -m benchmarks.bench`."""
