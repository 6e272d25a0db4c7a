"""`run`: serve every configured account until SIGTERM."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event

from dispatcher.commands import service, trading
from dispatcher.commands.service import Command, Serve, Setting
from dispatcher.shell.serve import serve
from dispatcher.shell.settings import Settings


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 after SIGTERM, 1 when it may not trade."""
    del arguments
    return service.run(Command("run", _serving), environ)


@contextmanager
def _serving(settings: Settings, stop: Event) -> Iterator[Serve]:
    with trading.commons(settings, stop) as commons:

        def serve_one(setting: Setting) -> None:
            serve(trading.means(settings, commons, setting.account, setting.say, setting.alive), setting.stop)

        yield serve_one
