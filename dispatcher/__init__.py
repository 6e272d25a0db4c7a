"""The service: turns trade recommendations into orders at the broker, and never lies about one."""
