"""A container engine: finding the one that answers, the base image that this machine makes, and one of CI's own.

`python -m sandbox.engine [--install] -- COMMAND` runs a command with an engine. Nothing else here starts one.
"""
