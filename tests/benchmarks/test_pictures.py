"""Pictures of decisions: made from what the database holds, without a screen."""

import math
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from benchmarks.pictures import History, draw
from dispatcher.core.options.decide import decide
from tests.dispatcher.cases import MONDAY
from tests.dispatcher.options.chains import listed, option_case, options_market, past

DAYS = [
    (MONDAY - timedelta(days=back), Decimal(f"{0.35 + 0.15 * math.sin(back / 40):.4f}")) for back in range(300, -1, -1)
]


def test_history_and_candidates_become_pictures_and_one_page(tmp_path: Path) -> None:
    chain = [listed("200"), listed("205", volume=0), listed("210", "1.10", "1.15", delta="0.30")]
    decision = decide(option_case(), options_market(chain), "large")

    draw(tmp_path, History.of("AAPL", DAYS), decision.rationale.document(), "recommendation 7 for large")

    pictures = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert set(pictures) == {"AAPL-volatility.png", "AAPL-candidates.png", "AAPL.html"}
    assert all(content.startswith(b"\x89PNG") for name, content in pictures.items() if name.endswith(".png"))
    page = pictures["AAPL.html"].decode()
    assert "rank 50, percentile" in page
    assert "<tr class='chosen'><td>AAPL261223C00200000</td>" in page
    assert "volume too low" in page
    assert "AAPL261223C00200000 bought; first $4.95 paid, at worst $5.00 paid; at most $500.00 lost by each</p>" in page
    assert "<p>2 of 3 contracts suitable</p>" in page


def test_a_rank_that_is_undefined_is_drawn_as_such(tmp_path: Path) -> None:
    told = History.of("AAPL", DAYS[-5:])

    draw(tmp_path, told, None, "")

    assert told.words() == "rank undefined: 4 days of history, at least 60 are needed"
    assert {file.name for file in tmp_path.iterdir()} == {"AAPL-volatility.png", "AAPL.html"}


def test_what_was_refused_before_a_contract_was_looked_at_says_why(tmp_path: Path) -> None:
    dear = options_market([listed()], past=past(low=Decimal("0.10"), high=Decimal("0.31")))
    decision = decide(option_case(), dear, "large")

    draw(tmp_path, History.of("AAPL", DAYS), decision.rationale.document(), "BUY CALL AAPL: refused: iv_rank_too_high")

    page = (tmp_path / "AAPL.html").read_text(encoding="utf-8")
    assert "<h2>BUY CALL AAPL: refused: iv_rank_too_high</h2>" in page
    assert "volatility 30.0 %, rank 95, percentile 40</p><p>no contract was looked at</p>" in page
    assert "<table>" not in page
