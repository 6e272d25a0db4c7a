"""An exchange that answers as Alpaca's paper trading and market data API does, rule for rule.

As a program: `python -m sandbox.exchange --port 0`. In a process: `with running(Config()) as x:`.
"""

from sandbox.exchange.config import AccountConfig, Config, Settings, load
from sandbox.exchange.faults import Fault
from sandbox.exchange.run import Running, running

__all__ = ["AccountConfig", "Config", "Fault", "Running", "Settings", "load", "running"]
