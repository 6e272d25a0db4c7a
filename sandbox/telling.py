"""How a rehearsal is told while it happens: live on a terminal, plain lines elsewhere. NO_COLOR is obeyed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.status import Status
from rich.text import Text

from sandbox.feed import Fed
from sandbox.watch import Seen

_PLAIN_WIDTH = 240
_WIDTHS = (29, 7, 7, 28, 36, 0)
_WIDE = 150
"""Columns of a terminal from which on a row stands on one line."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step that was done, or not: what was evidence for it. `seconds` is how long it took."""

    name: str
    ok: bool
    seconds: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Teller:
    """Says what happens, and keeps it as the story."""

    console: Console
    lines: list[str] = field(default_factory=list)
    under_way: list[Status] = field(default_factory=list)

    @classmethod
    def on(cls, *, stderr: bool) -> "Teller":
        """A teller on stdout, or on stderr when stdout belongs to a program."""
        terminal = (sys.stderr if stderr else sys.stdout).isatty()
        return cls(Console(stderr=stderr, highlight=False, width=None if terminal else _PLAIN_WIDTH))

    @contextmanager
    def busy(self, what: str) -> Iterator[None]:
        """Show on a terminal that something is under way."""
        if not self.console.is_terminal:
            yield
            return
        with self.console.status(what) as status:
            self.under_way.append(status)
            yield
            self.under_way.clear()

    def progress(self, what: str) -> None:
        """Say on a terminal how far what is under way has come."""
        for status in self.under_way:
            status.update(what)

    def step(self, step: Step) -> None:
        """A step is over."""
        mark = Text("ok  ", "green") if step.ok else Text("FAIL", "bold red")
        self._say(Text.assemble(mark, f" {step.name:<11}{step.seconds:6.1f} s  ", step.evidence))

    def heading(self, words: str) -> None:
        """A line above what follows."""
        self._say(Text(f"\n{words}", "bold"))

    def columns(self) -> None:
        """The table's head."""
        self._row(("recommendation", "symbol", "account", "ending", "order", "what it shows"), "dim")

    def ending(self, number: int, account: str, fed: Fed, seen: Seen, *, as_expected: bool) -> None:
        """What became of a recommendation at an account."""
        name, symbol = f"{number} {fed.name}", (fed.ticker or "-")[:7]
        cells = (name, symbol, account, str(seen), seen.client_order_id or "", fed.shows)
        self._row(cells, "" if as_expected else "red")

    def _row(self, cells: tuple[str, ...], style: str) -> None:
        line = "     " + " ".join(f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=True))
        self.lines.append(line)
        if self.console.width >= _WIDE:
            self._print(Text(line, style), wrap=False)
            return
        name, symbol, account, ending, order, shows = cells
        self._print(Text(f"{name:<29} {symbol:<7} {account:<7} {ending:<28} {order[-9:]}", style), wrap=False)
        self._print(Text(f"   {shows}", "dim"), wrap=False)

    def note(self, words: str) -> None:
        """A line as it is."""
        self._say(Text(words))

    def _say(self, text: Text) -> None:
        self.lines.append(text.plain)
        self._print(text, wrap=True)

    def _print(self, text: Text, *, wrap: bool) -> None:
        """On a terminal a line is wrapped or cut; in a file it is whole, however long."""
        terminal = self.console.is_terminal
        self.console.print(
            text, no_wrap=not (terminal and wrap), overflow="ellipsis" if terminal else "ignore", crop=False
        )
