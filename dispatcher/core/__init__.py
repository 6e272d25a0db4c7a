"""What is decided: pure functions over frozen values. No I/O, no clock, no library but the language's own."""
