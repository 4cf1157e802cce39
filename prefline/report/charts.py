"""The report's plots: Altair to SVG. Colours are CSS variables of the page, so that one SVG
serves light and dark."""

from __future__ import annotations

from typing import Any

import altair as alt
import vl_convert

from prefline.report.facts import Json

_INK, _FAINT, _LINE = "var(--ink)", "var(--faint)", "var(--line)"
_SERIES = ["var(--one)", "var(--two)", "var(--three)", "var(--four)"]
_WIDTH = 520  # pixels
_NAMES = 250

_THEME: Json = {
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _INK, "titleColor": _FAINT, "gridColor": _LINE, "domainColor": _LINE,
        "tickColor": _LINE, "labelFontSize": 12, "titleFontSize": 12, "titleFontWeight": "normal",
        "labelLimit": 260,
    },
    "legend": {"labelColor": _INK, "titleColor": _FAINT, "labelFontSize": 12, "orient": "top",
               "title": None},
    "range": {"category": _SERIES},
    "header": {"labelColor": _INK, "title": None, "labelFontSize": 12},
}  # fmt: skip


def svg(chart: alt.Chart | alt.LayerChart) -> str:
    """A chart as inline SVG."""
    spec = chart.configure(**_THEME).to_dict()
    drawn: str = vl_convert.vegalite_to_svg(spec)
    return drawn


def shares(rows: list[Json], *, title: str, middle: float | None = None) -> str:
    """Shares with their 95 % intervals: a dot and a whisker for each {name, value, low, high}.

    `middle` draws a line where a share would say nothing (chance, or no bias).
    """
    base = alt.Chart(alt.Data(values=rows)).encode(y=_names("name"))
    axis = alt.X("value:Q", title=title, scale=alt.Scale(domain=[0, 1]), axis=_percent())
    whisker = base.mark_rule(color=_SERIES[0], strokeWidth=2).encode(x="low:Q", x2="high:Q")
    dot = base.mark_circle(color=_SERIES[0], size=70, opacity=1).encode(x=axis)
    layers = [dot, whisker]
    if middle is not None:
        rule = alt.Chart(alt.Data(values=[{"x": middle}])).mark_rule(
            color=_FAINT, strokeDash=[4, 4]
        )
        layers.insert(0, rule.encode(x="x:Q"))
    return svg(alt.layer(*layers).properties(width=_WIDTH, height=alt.Step(24)))


def bars(rows: list[Json], *, name: str, value: str, title: str, colour: str | None = None) -> str:
    """Horizontal bars of counts, stacked by `colour`, the number written beside each."""
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=_names(name), x=alt.X(f"sum({value}):Q", title=title, axis=alt.Axis(tickCount=5))
    )
    bar = base.mark_bar(height=14, color=_SERIES[0])
    if colour is not None:
        bar = bar.encode(color=alt.Color(f"{colour}:N"))
    text = base.mark_text(align="left", dx=5, color=_INK).encode(text=f"sum({value}):Q")
    return svg((bar + text).properties(width=_WIDTH, height=alt.Step(24)))


def histogram(rows: list[Json]) -> str:
    """How sure the labels are, stacked by what they rest on."""
    chart = alt.Chart(alt.Data(values=rows)).mark_bar(stroke="var(--page)")
    scale = alt.Scale(domain=[0.5, 1])
    encoded = chart.encode(
        x=alt.X("from:Q", title="p_chosen", scale=scale, bin="binned"),
        x2="to:Q",
        y=alt.Y("rows:Q", title="preferences"),
        color=alt.Color("label_source:N"),
    )
    return svg(encoded.properties(width=_WIDTH, height=180))


def _names(name: str) -> alt.Y:
    # The page's font is the reader's, which the layout here cannot measure: leave room.
    axis = alt.Axis(ticks=False, domain=False, minExtent=_NAMES, maxExtent=_NAMES, labelPadding=8)
    return alt.Y(f"{name}:N", title=None, sort=None, axis=axis)


def _percent() -> Any:
    return alt.Axis(format="%", tickCount=5)
