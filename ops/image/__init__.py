"""The image: built from a commit, proven to import without network, pushed, and from then on known by its digest."""
