"""What is drawn where there are several judges, or little to draw."""

from __future__ import annotations

import json
import re

from prefline.project import Project
from prefline.report import charts, read_facts
from prefline.report.plots import draw_plots
from tests.prefline.report.projects import save, save_json


def test_several_judges_are_compared_figure_by_figure(project: Project) -> None:
    measured = json.loads(project.metrics("judge").read_text())
    measured["judges"]["other"] = measured["judges"]["big"]
    save_json(project.metrics("judge"), measured)
    told = _texts(draw_plots(read_facts(project))["even"].wide)
    names = [text for text in told if not re.search(r"[0-9]", text) and text != "chance"]
    # The accuracy of `other` was not measured: it is left out, not drawn at nought.
    assert names == ["accuracy", "big", "prefers first", "big", "other"]


def test_figures_are_drawn_where_the_tables_are_empty(project: Project) -> None:
    for name in ("prompts", "responses", "preferences", "rejections"):
        save(project, name, [])
    assert set(draw_plots(read_facts(project))) == {"even", "small", "pass_rates", "tokens"}


def test_numbers_stand_beside_the_bars_at_any_width() -> None:
    rows = [{"name": n, "value": v, "part": "all", "at": 0} for n, v in (("tie", 2), ("flip", 1))]
    drawn = charts.counts(rows, label="Rejections")
    for told in (_texts(drawn.wide), _texts(drawn.narrow)):
        assert [text for text in told if text.isalpha()] == ["tie", "flip"]
        assert told[-2:] == ["2", "1"]


def test_a_share_without_an_interval_is_drawn_without_one() -> None:
    rows = [
        {"name": "sums", "value": 0.5, "low": 0.25, "high": 0.75},
        {"name": "one pair", "value": 1.0, "low": None, "high": None},
    ]

    texts = _texts(charts.shares(rows, label="Pass rates").wide)

    assert {"50%", "25–75%", "100%"} <= set(texts)


def _texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


def test_a_control_character_in_a_name_does_not_end_the_report() -> None:
    names = ["a\x00b", "\x1b[31mred", "\ufffe", "half \ud83d"]
    rows = [{"name": name, "value": 1, "part": "all", "at": 0} for name in names]

    drawn = charts.counts(rows, label="of \x00 and <b>")

    texts = _texts(drawn.wide)
    assert {"a\ufffdb", "\ufffd[31mred", "\ufffd", "half \ufffd"} <= set(texts)
    assert 'aria-label="of \ufffd and &lt;b&gt;"' in drawn.narrow
