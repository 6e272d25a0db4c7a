"""Who answers: the broker, the database, the voice. The only rooms that touch the world."""
