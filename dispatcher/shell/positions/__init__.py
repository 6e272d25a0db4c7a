"""How positions are looked after: read the broker, keep the books, protect, close. Sees ports and the core only."""
