"""The walks: one way forward over the ports, each step written down before it is taken."""
