"""The same world on one machine: a real database, an exchange that answers like Alpaca."""
