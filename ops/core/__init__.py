"""What is decided without touching the world."""
