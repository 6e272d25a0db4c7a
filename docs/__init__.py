"""What is written about the system, by hand and generated."""
