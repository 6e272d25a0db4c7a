"""What is measured. Each claim of the README has a program here that prints it."""
