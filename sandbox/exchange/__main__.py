"""python -m sandbox.exchange: serve until SIGTERM."""

import argparse
import asyncio
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

from sandbox.exchange.config import AccountConfig, Config, load
from sandbox.exchange.run import serve
from sandbox.exchange.store import Store


def arguments(argv: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser("python -m sandbox.exchange", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--seed", type=int, help="same seed, same market, same ids")
    parser.add_argument("--account", help="account number of the first account")
    parser.add_argument("--key", help="API key of the first account")
    parser.add_argument("--secret", help="API secret of the first account")
    parser.add_argument("--config", type=Path, help="TOML file, see docs/exchange.md")
    parser.add_argument("--data", type=Path, help="file that keeps the state over a restart")
    parser.add_argument("--reset", action="store_true", help="empty the data file first")
    return parser.parse_args(argv)


def configured(given: argparse.Namespace) -> Config:
    """Put the file and the command line together; the command line wins."""
    config = load(given.config) if given.config else Config()
    first = config.accounts[0]
    account = AccountConfig(
        **{
            **{name: getattr(first, name) for name in AccountConfig.__dataclass_fields__},
            "number": given.account or first.number,
            "key": given.key or first.key,
            "secret": given.secret or first.secret,
        }
    )
    seed = config.seed if given.seed is None else given.seed
    return replace(config, seed=seed, accounts=(account, *config.accounts[1:]))


def _opened(given: argparse.Namespace) -> Store | None:
    if given.data is None:
        return None
    store = Store(given.data)
    if given.reset:
        store.forget()
    return store


def _say_ready(url: str) -> None:
    sys.stdout.write(f"exchange ready on {url}\n")
    sys.stdout.flush()


def main(argv: list[str]) -> int:
    """Serve; 0 after a clean stop, 2 for a wrong setting or a port that is taken."""
    given = arguments(argv)
    try:
        store = _opened(given)
        asyncio.run(serve(configured(given), given.port, _say_ready, store))
    except (OSError, ValueError, sqlite3.Error) as problem:
        sys.stderr.write(f"exchange: {problem}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
