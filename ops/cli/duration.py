"""Durations as people write them: `90s`, `10m`, `2h`, `1d`."""

import re

import click

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


class Duration(click.ParamType[float]):
    """Text like `10m` as a number of seconds."""

    name = "duration"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds."""
        if isinstance(value, int | float):
            return float(value)
        found = re.fullmatch(r"(\d+)([smhd])", str(value))
        if found is None:
            self.fail(f"{value!r} is not a duration; write 90s, 10m, 2h or 1d", param, ctx)
        return float(found[1]) * _SECONDS[found[2]]


DURATION = Duration()
