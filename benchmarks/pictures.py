"""Pictures of an underlying's volatility with its rank, and of a decision's candidates: PNG, and one HTML page.

Run: python -m benchmarks.pictures FOLDER --database URL --underlying SYMBOL [--recommendation NUMBER --account NAME].
The password is taken from DATABASE_PASSWORD. Without a recommendation only the history is drawn.
"""

import argparse
import base64
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from psycopg import Connection
from psycopg.rows import DictRow

from contract.options import Volatility
from dispatcher.adapters.database import connect
from dispatcher.adapters.volatility import PostgresVolatility
from dispatcher.core.options.volatility import Past, Ranked, Unranked, rank

Series = Sequence[tuple[date, Decimal]]
Rationale = Mapping[str, Any]

COLUMNS = {
    "symbol": "contract",
    "days": "days left",
    "strike": "strike, $",
    "bid": "bid, $",
    "ask": "ask, $",
    "spread": "spread, %",
    "volume": "volume today",
    "open_interest": "open interest",
    "iv": "IV, % a year",
    "delta": "delta",
    "score": "score of 100",
}
"""What is kept of a candidate, and what it is called with its unit."""
EPOCH = date(1970, 1, 1)
"""What matplotlib counts days from."""
SHOWN = 18
"""Rows of the picture: the best that are suitable. The page has all."""
CHOSEN, PALE, LINE, NOW = "#d7ebd9", "#eef2f6", "#2f5d8a", "#b3361e"
STYLE = """
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; color: #1d2733; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th { position: sticky; top: 0; background: #eef2f6; }
th, td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid #dde3ea; }
th:first-child, td:first-child, td:last-child { text-align: left; }
tr.chosen { background: #d7ebd9; } tr.excluded { color: #7b8794; } img { max-width: 100%; }
"""
CLAIM = """
SELECT c.rationale, concat_ws(' ', r.action, r.instrument_type, r.ticker) AS what,
    concat_ws(': ', c.state, c.reason) AS ending
FROM dispatch_claims c JOIN dispatch_recommendations r ON r.id = c.recommendation_id
WHERE c.account = %(account)s AND c.recommendation_id = %(number)s AND c.rationale IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class History:
    """An underlying's days, oldest first, and where the newest stands among those before it."""

    underlying: str
    series: Series
    ranked: Ranked | Unranked

    @classmethod
    def of(cls, underlying: str, series: Series) -> "History":
        """The newest day ranked among the days before it, by the usual guards."""
        before, (today, now) = [iv for _, iv in series[:-1]], series[-1]
        newest = series[-2][0] if before else None
        past = Past(
            len(before),
            min(before, default=None),
            max(before, default=None),
            sum(each < now for each in before),
            newest,
        )
        return cls(underlying, series, rank(now, past, today, Volatility()))

    def words(self) -> str:
        """The rank in words, or why there is none."""
        match self.ranked:
            case Ranked():
                told = self.ranked
                return f"rank {told.rank:.0f}, percentile {told.percentile:.0f} over {told.days} days"
            case Unranked(why):
                return f"rank undefined: {why}"


def history(told: History) -> Figure:
    """The days as a line, between their lowest and highest, with the newest marked."""
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    axes = figure.subplots()
    days = [float((day - EPOCH).days) for day, _ in told.series]
    values = [float(iv) * 100 for _, iv in told.series]
    axes.plot(days, values, color=LINE, linewidth=1.4)
    axes.xaxis_date()
    low, high = min(values[:-1], default=values[-1]), max(values[:-1], default=values[-1])
    axes.axhspan(low, high, color=PALE, zorder=0, label="between the lowest and the highest day before the newest")
    axes.legend(loc="upper left", bbox_to_anchor=(0, -0.08), frameon=False, fontsize=8.5)
    axes.plot(days[-1:], values[-1:], "o", color=NOW, markersize=7)
    beside: dict[str, Any] = {"xytext": (9, 0), "textcoords": "offset points", "va": "center", "color": NOW}
    axes.annotate(f"{values[-1]:.1f} %", (days[-1], values[-1]), **beside)
    title = f"{told.underlying}: implied volatility at the money, 30 days; {told.words()}"
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_ylabel("implied volatility, % a year")
    axes.set_xlim(days[0] - 1, days[-1] + max(1.0, 0.08 * (days[-1] - days[0])))
    axes.spines[["top", "right"]].set_visible(b=False)
    if isinstance(told.ranked, Ranked):
        _ranks(axes, low, high)
    return figure


def _ranks(axes: Any, low: float, high: float) -> None:
    """The same heights once more as ranks: 0 at the lowest day before the newest, 100 at the highest."""
    height = high - low
    scale = axes.secondary_yaxis(
        "right", functions=(lambda iv: (iv - low) / height * 100, lambda at: low + at * height / 100)
    )
    scale.set_yticks([0, 25, 50, 75, 100])
    scale.set_ylabel("rank, 0 lowest to 100 highest")
    scale.spines["right"].set_visible(False)


def candidates(rationale: Rationale, title: str) -> Figure:
    """The best suitable contracts as a table, and how many each reason excluded."""
    lines, shown = [title, *outcome(rationale)], _sorted(rationale)[:SHOWN]
    reasons = len({reason for each in rationale["candidates"] for reason in each["exclusions"]})
    rows, bars = len(lines) + bool(shown) + len(shown), 2 + reasons
    figure = Figure(figsize=(12.5, 0.29 * (rows + bars)), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(rows, bars))
    top.axis("off")
    top.set_title("\n".join(lines), loc="left", fontsize=11, linespacing=1.5)
    if shown:
        _cells(top, shown, rationale)
    if reasons:
        _excluded(bottom, rationale)
    else:
        bottom.axis("off")
    return figure


def _cells(axes: Any, shown: Sequence[Mapping[str, Any]], rationale: Rationale) -> None:
    table = axes.table(
        [[_cell(each, column) for column in COLUMNS] for each in shown],
        colLabels=list(COLUMNS.values()),
        colWidths=[0.18, *[0.082] * (len(COLUMNS) - 1)],
        bbox=(0, 0, 1, 1),
        cellLoc="right",
    )
    table.auto_set_font_size(value=False)
    table.set_fontsize(8.5)
    for (row, _), cell in table.get_celld().items():
        cell.set_edgecolor("#dde3ea")
        cell.set_facecolor(_shade(row, shown, rationale))


def _shade(row: int, shown: Sequence[Mapping[str, Any]], rationale: Rationale) -> str:
    if row == 0:
        return PALE
    return CHOSEN if shown[row - 1]["symbol"] in _chosen(rationale) else "white"


def _excluded(axes: Any, rationale: Rationale) -> None:
    counted = Counter(reason for each in rationale["candidates"] for reason in each["exclusions"])
    found = counted.most_common()[::-1]
    names = [reason.replace("_", " ") for reason, _ in found]
    axes.barh(names, [count for _, count in found], color=LINE, height=0.6)
    axes.bar_label(axes.containers[0], padding=3, fontsize=8)
    axes.set_title("contracts excluded, by reason; one may have several", loc="left", fontsize=10)
    axes.xaxis.set_visible(b=False)
    axes.tick_params(axis="y", length=0, labelsize=9)
    axes.spines[["top", "right", "bottom"]].set_visible(b=False)


def outcome(rationale: Rationale) -> list[str]:
    """What came of it: the trade with its limits, its size and why, and how many contracts it was chosen from."""
    told = [_told_of(rationale["rank"])] if rationale.get("rank") else []
    trade, size = rationale.get("trade"), rationale.get("size")
    if trade:
        legs = f"{trade['bought']} bought" + (f", {trade['sold']} sold" if "sold" in trade else "")
        first, bound = (_paid(trade[name]) for name in ("first_limit", "bound"))
        told.append(f"{legs}; first {first}, at worst {bound}; at most ${trade['loss']} lost by each")
    if size:
        told.append(
            f"{size['contracts']} contracts, bound by {size['bound_by']}; {size['edge']['trades']} closed trades"
        )
    able, all_ = len(_sorted(rationale)), len(rationale["candidates"])
    if not all_:
        return [*told, "no contract was looked at"]
    best = f", the best {SHOWN} shown" if able > SHOWN else ""
    return [*told, f"{able} of {all_} contracts suitable{best}"]


def _paid(price: str) -> str:
    """A limit in words: below 0 it is a credit."""
    return f"${price.removeprefix('-')} {'received' if price.startswith('-') else 'paid'}"


def _told_of(rank: Mapping[str, Any]) -> str:
    """What was known of the volatility's place when it was decided."""
    if rank["kind"] == "unranked":
        return f"rank undefined: {rank['why']}"
    iv = Decimal(rank["iv"]) * 100
    return f"volatility {iv:.1f} %, rank {Decimal(rank['rank']):.0f}, percentile {Decimal(rank['percentile']):.0f}"


def page(told: History, rationale: Rationale | None, title: str) -> str:
    """Both on one HTML page that needs nothing else; the table has every candidate."""
    body = [f"<h1>{escape(told.underlying)}</h1>", f"<p>{escape(told.words())}</p>", _image(history(told))]
    if rationale is not None:
        body += [
            f"<h2>{escape(title)}</h2>",
            *(f"<p>{escape(line)}</p>" for line in outcome(rationale)),
            _table(rationale) if rationale["candidates"] else "",
        ]
    head = f"<meta charset='utf-8'><title>{escape(told.underlying)}</title><style>{STYLE}</style>"
    return f"<!doctype html><html lang='en'><head>{head}</head><body>{''.join(body)}</body></html>\n"


def _image(figure: Figure) -> str:
    held = BytesIO()
    figure.savefig(held, format="png", dpi=110)
    encoded = base64.b64encode(held.getvalue()).decode()
    return f"<img alt='implied volatility by day' src='data:image/png;base64,{encoded}'>"


def _table(rationale: Rationale) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in (*COLUMNS.values(), "excluded by"))
    return f"<table><tr>{head}</tr>{''.join(_row(each, rationale) for each in _sorted(rationale, whole=True))}</table>"


def _row(each: Mapping[str, Any], rationale: Rationale) -> str:
    kind = "chosen" if each["symbol"] in _chosen(rationale) else "excluded" if each["exclusions"] else ""
    cells = [_cell(each, column) for column in COLUMNS] + [", ".join(each["exclusions"]).replace("_", " ")]
    return f"<tr class='{kind}'>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _chosen(rationale: Rationale) -> frozenset[str]:
    trade = rationale.get("trade") or {}
    return frozenset(each for each in (trade.get("bought"), trade.get("sold")) if each)


def _sorted(rationale: Rationale, *, whole: bool = False) -> list[Mapping[str, Any]]:
    """The best first; the excluded ones after them, by symbol, where the whole is wanted."""
    able = [each for each in rationale["candidates"] if each["score"] is not None]
    able.sort(key=lambda each: (-Decimal(each["score"]), each["symbol"]))
    return able + [each for each in rationale["candidates"] if each["score"] is None] if whole else able


def _cell(each: Mapping[str, Any], column: str) -> str:
    value = each[column]
    if value is None:
        return "–"
    if column in {"spread", "iv"}:
        return f"{Decimal(value) * 100:.1f}"
    if column in {"volume", "open_interest"}:
        return f"{value:,}"
    return f"{Decimal(value):.2f}" if column in {"strike", "bid", "ask", "delta"} else str(value)


def main(arguments: list[str]) -> int:
    """Exit 0 when the pictures are there, 1 when there is nothing to draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--database", required=True)
    parser.add_argument("--underlying", required=True)
    parser.add_argument("--recommendation", type=int)
    parser.add_argument("--account", default="large")
    asked = parser.parse_args(arguments)
    with connect(asked.database, os.environ.get("DATABASE_PASSWORD", ""), name="pictures") as opened:
        drawn = from_database(opened, asked.folder, asked.underlying, asked.recommendation, asked.account)
    if not drawn:
        sys.stderr.write(f"pictures: no day of {asked.underlying}\n  next: python -m dispatcher iv-snapshot\n")
    return 0 if drawn else 1


def from_database(
    connection: Connection[DictRow], folder: Path, underlying: str, recommendation: int | None, account: str
) -> bool:
    """Draw what the database holds of an underlying and a decision; whether it holds a day."""
    series = PostgresVolatility(connection).series(underlying, date.min, date.max)
    found = connection.execute(CLAIM, {"account": account, "number": recommendation}).fetchone()
    if not series:
        return False
    title = f"recommendation {recommendation} for {account}, {found['what']}: {found['ending']}" if found else ""
    draw(folder, History.of(underlying, series[-366:]), found["rationale"] if found else None, title)
    return True


def draw(folder: Path, told: History, rationale: Rationale | None, title: str) -> None:
    """Write the pictures and the page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    history(told).savefig(folder / f"{told.underlying}-volatility.png", dpi=110)
    if rationale is not None:
        candidates(rationale, title).savefig(folder / f"{told.underlying}-candidates.png", dpi=110)
    (folder / f"{told.underlying}.html").write_text(page(told, rationale, title), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
