"""Writes the generated part of docs/exchange.md: python -m sandbox.exchange.reference docs/exchange.md."""

import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from sandbox.exchange.config import MEANINGS, Settings
from sandbox.exchange.errors import TABLE
from sandbox.exchange.faults import KINDS
from sandbox.exchange.routes import ROUTES
from sandbox.exchange.unserved import UNSERVED

BEGIN, END = "<!-- generated -->", "<!-- end of generated -->"


def generated() -> str:
    """Give the tables the code knows best: operations, switches, faults, refusals."""
    return "\n".join((*_operations(), *_switches(), *_faults(), *_refusals()))


def _operations() -> Iterator[str]:
    rows = {route.name: ("served", "") for route in ROUTES}
    rows |= {name: ("refused on purpose", reason) for name, reason in UNSERVED.items()}
    yield "## Operations\n"
    yield f"{len(ROUTES)} of {len(rows)} documented operations are served. The others are refused on purpose and"
    yield "answer 501 with their name; none is left for later.\n"
    yield "| operation | state | why |\n|---|---|---|"
    yield from (f"| `{name}` | {verdict} | {reason} |" for name, (verdict, reason) in sorted(rows.items()))


def _switches() -> Iterator[str]:
    yield "\n## Switches\n"
    yield "| setting | default | meaning |\n|---|---|---|"
    defaults = Settings()
    for setting in fields(Settings):
        default = _toml(getattr(defaults, setting.name))
        yield f"| `{setting.name}` | `{default}` | {MEANINGS[setting.name]} |"


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _faults() -> Iterator[str]:
    yield "\n## Faults\n"
    yield "| kind | what happens |\n|---|---|"
    yield from (f"| `{kind}` | {meaning} |" for kind, meaning in KINDS.items())


def _refusals() -> Iterator[str]:
    yield "\n## Refusals\n"
    yield "| HTTP | code | message |\n|---|---|---|"
    rows = sorted({(row.http, str(row.code or ""), row.message) for row in TABLE.values()})
    yield from (f"| {http} | {code} | {message} |" for http, code, message in rows)


def renewed(page: str) -> str:
    """Put the tables between the marks of a page."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{generated()}\n{END}{after}"


def main(argv: list[str]) -> int:
    """Renew the page in place."""
    path = Path(argv[0])
    path.write_text(renewed(path.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
