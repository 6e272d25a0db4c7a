"""`run`: serve every configured account until SIGTERM."""

from collections.abc import Mapping

from dispatcher.commands import service, trading
from dispatcher.commands.service import Command, Setting
from dispatcher.shell.serve import serve


def main(arguments: list[str], environ: Mapping[str, str]) -> int:
    """Exit 0 after SIGTERM, 1 when it may not trade."""
    del arguments
    return service.run(Command("run", _serve), environ)


def _serve(setting: Setting) -> None:
    serve(trading.means(setting.settings, setting.account, setting.say, setting.alive), setting.stop)
