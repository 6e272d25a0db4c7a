"""What becomes of what was opened: books from fills, cover, exits. Pure, like all of the core."""
