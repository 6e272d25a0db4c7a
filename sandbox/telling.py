"""How a rehearsal is told while it happens: live on a terminal, plain lines elsewhere. NO_COLOR is obeyed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from sandbox.feed import Fed
from sandbox.watch import Seen

_PLAIN_WIDTH = 240


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
        with self.console.status(what):
            yield

    def step(self, step: Step) -> None:
        """A step is over."""
        mark = Text("ok  ", "green") if step.ok else Text("FAIL", "bold red")
        self._say(Text.assemble(mark, f" {step.name:<11}{step.seconds:6.1f} s  ", step.evidence))

    def heading(self, words: str) -> None:
        """A line above what follows."""
        self._say(Text(f"\n{words}", "bold"))

    def columns(self) -> None:
        """The table's head."""
        self._say(Text(_row("recommendation", "symbol", "ending", "order", "what it shows"), "dim"))

    def ending(self, number: int, fed: Fed, seen: Seen, *, as_expected: bool) -> None:
        """What became of a recommendation."""
        style = "" if as_expected else "red"
        name, symbol = f"{number} {fed.name}", (fed.ticker or "-")[:7]
        self._say(Text(_row(name, symbol, str(seen), seen.client_order_id or "", fed.shows), style))

    def note(self, words: str) -> None:
        """A line as it is."""
        self._say(Text(words))

    def _say(self, text: Text) -> None:
        self.lines.append(text.plain)
        self.console.print(
            text, no_wrap=True, overflow="ellipsis" if self.console.is_terminal else "ignore", crop=False
        )


def _row(*cells: str) -> str:
    widths = (29, 7, 28, 36, 0)
    return "     " + " ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
