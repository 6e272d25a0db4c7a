"""The command line: builds, ships, proves and takes back a release, and says what is true."""
