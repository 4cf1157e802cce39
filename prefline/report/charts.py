"""The report's plots: Altair to SVG, wide for a desk and narrow for a phone.

Colours are CSS variables of the page, so that one SVG serves light and dark. Margins are
fixed numbers, not measured text, so that neither depends on the fonts of a machine.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import altair as alt
import vl_convert

from prefline.text import xml_text

Json = dict[str, Any]

_INK, _FAINT, _LINE = "var(--ink)", "var(--faint)", "var(--line)"
_SHORT = "datum.value ? format(datum.value, '~s') : '0'"
_STEP = 28  # pixels from one row to the next
SOURCES = {
    "verifier": "var(--one)", "ai": "var(--two)", "human": "var(--three)",
    "imported": "var(--four)",
}  # fmt: skip

_THEME: Json = {
    "aria": False,
    "background": "transparent",
    "font": "system-ui, sans-serif",
    "view": {"stroke": None},
    "text": {"fontSize": 12.5},
    "axis": {
        "labelColor": _INK, "titleColor": _FAINT, "gridColor": _LINE, "domain": False,
        "ticks": False, "labelFlush": False, "labelFontSize": 12.5,
        "titleFontSize": 12, "titleFontWeight": "normal", "labelPadding": 8, "titlePadding": 10,
    },
    "axisX": {"labelColor": _FAINT, "labelFontSize": 11.5},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Size:
    """Pixels: room for names on the left, the plot, room for numbers on the right."""

    names: int
    plot: int
    numbers: int


# With an interval beside each number, and without.
_SPREAD = (_Size(204, 330, 146), _Size(118, 102, 134))
_PLAIN = (_Size(204, 388, 88), _Size(150, 134, 70))


@dataclass(frozen=True, slots=True)
class Plot:
    """One plot in two widths, as inline SVG."""

    wide: str
    narrow: str


def shares(rows: list[Json], *, label: str, middle: str | None = None) -> Plot:
    """Return shares with their 95 % intervals: a dot, a whisker and the numbers for each {name,
    value, low, high}.

    Of rows without a value only the name is shown: a heading. A name's part after a tab is
    shown alone. `middle` says what a share of one half means; it draws a line there.
    """
    draw = partial(_shares, rows, middle)
    return _both(draw, label, _SPREAD, height=len(rows) * _STEP, top=20 if middle else 4)


def counts(rows: list[Json], *, label: str) -> Plot:
    """Horizontal bars with the count beside each {name, value, part}; the parts of a name
    are stacked, in their order, in the colours of the page."""
    height = len({row["name"] for row in rows}) * _STEP
    return _both(partial(_counts, rows), label, _PLAIN, height=height)


def histogram(rows: list[Json], *, label: str) -> Plot:
    """Return counts by probability: {low, high, rows, label_source}, stacked by the latter."""
    return Plot(*(_svg(_histogram(rows, width), label, (46, 8, 8, 44)) for width in (630, 290)))


def _both(
    draw: Callable[[_Size], Any],
    label: str,
    sizes: tuple[_Size, _Size],
    *,
    height: int,
    top: int = 4,
) -> Plot:
    wide, narrow = (
        _svg(
            draw(size).properties(width=size.plot, height=height),
            label,
            (size.names, size.numbers, top, 30),
        )
        for size in sizes
    )
    return Plot(wide, narrow)


def _svg(chart: Any, label: str, margins: tuple[int, int, int, int]) -> str:
    left, right, top, bottom = margins
    fixed = chart.properties(
        padding={"left": left, "right": right, "top": top, "bottom": bottom},
        autosize=alt.AutoSizeParams(type="none"),
    )
    drawn: str = vl_convert.vegalite_to_svg(
        xml_text(fixed.configure(**_THEME).to_dict(validate=False))
    )
    return drawn.replace(
        "<svg ", f'<svg role="img" aria-label="{html.escape(xml_text(label))}" ', 1
    )


def _shares(rows: list[Json], middle: str | None, size: _Size) -> Any:
    percent = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], gridOpacity=0.7)
    x = alt.X("value:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=percent)
    measured = [row for row in rows if "value" in row]
    numbers = [row | {"told": _share(row), "spread": _spread(row)} for row in measured]
    headings = [row["name"] for row in rows if "value" not in row]
    names = _names(size, [row["name"] for row in rows], headings)
    base = alt.Chart(alt.Data(values=numbers)).encode(y=names)
    whisker = base.mark_rule(color="var(--one)", strokeWidth=3, strokeCap="round", opacity=0.4)
    layers = [
        # Too few pairs give a share and no interval.
        whisker.transform_filter("isValid(datum.low)").encode(x="low:Q", x2="high:Q"),
        base.mark_circle(color="var(--one)", size=85, opacity=1).encode(x=x),
        _at(base, size.plot + 52, "told"),
        _at(base, size.plot + size.numbers - 2, "spread", color=_FAINT),
    ]
    if middle is not None:
        half = alt.Chart(alt.Data(values=[{"x": 0.5, "is": middle}])).encode(x="x:Q")
        rule = half.mark_rule(color=_FAINT, strokeDash=[3, 3])
        text = half.mark_text(color=_FAINT, fontSize=11.5).encode(y=alt.value(-9), text="is:N")
        layers = [rule, text, *layers]
    return alt.layer(*layers)


def _counts(rows: list[Json], size: _Size) -> Any:
    parts = list(dict.fromkeys(row["part"] for row in rows))
    colours = [f"var(--{name})" for name in ("one", "two", "three", "four")][: len(parts)]
    totals: dict[str, int] = {}
    for row in rows:
        totals[row["name"]] = totals.get(row["name"], 0) + row["value"]
    axis = alt.Axis(labelExpr=_SHORT, tickCount=size.plot // 60, tickMinStep=1, gridOpacity=0.7)
    bar = alt.Chart(alt.Data(values=rows)).mark_bar(height=13)
    names = _names(size, list(totals))
    told = [{"name": name, "told": f"{total:,}"} for name, total in totals.items()]
    return alt.layer(
        bar.encode(
            y=names,
            x=alt.X("value:Q", title=None, axis=axis),
            color=alt.Color("part:N", scale=alt.Scale(domain=parts, range=colours), legend=None),
            order=alt.Order("at:Q"),
        ),
        _at(
            alt.Chart(alt.Data(values=told)).encode(y=names),
            size.plot + size.numbers - 24,
            "told",
        ),
    )


def _histogram(rows: list[Json], width: int) -> Any:
    scale = alt.Scale(domain=[0.5, 1])
    colour = alt.Scale(domain=list(SOURCES), range=list(SOURCES.values()))
    values = [0.5, 0.6, 0.7, 0.8, 0.9, 1]
    return (
        alt.Chart(alt.Data(values=rows))
        .mark_bar(binSpacing=2)
        .encode(
            x=alt.X("low:Q", title="p_chosen", scale=scale, bin="binned",
                    axis=alt.Axis(values=values, format=".1f", grid=False)),
            x2="high:Q",
            y=alt.Y("rows:Q", title=None,
                    axis=alt.Axis(tickCount=4, tickMinStep=1, labelExpr=_SHORT)),
            color=alt.Color("label_source:N", scale=colour, legend=None),
        )
        .properties(width=width, height=150)
    )  # fmt: skip


def _names(size: _Size, names: list[str], headings: list[str] | None = None) -> Any:
    # Aligned with the text above. A reader's font may be wider than the one measured here.
    is_heading = f"indexof({json.dumps(headings or [])}, datum.value) >= 0"
    colour = {"condition": {"test": is_heading, "value": _FAINT}, "value": _INK}
    axis = alt.Axis(
        labelColor=colour, grid=False, labelAlign="left", labelPadding=size.names,
        labelLimit=0.85 * size.names,
        labelExpr="slice(datum.label, indexof(datum.label, '\t') + 1)",
    )  # fmt: skip
    return alt.Y("name:N", title=None, scale=alt.Scale(domain=names), axis=axis)


def _at(base: Any, x: int, field: str, *, color: str = _INK) -> Any:
    """Return a column of numbers, aligned at their last digit."""
    return base.mark_text(align="right", color=color).encode(x=alt.value(x), text=f"{field}:N")


def _share(row: Json) -> str:
    return f"{row['value']:.0%}"


def _spread(row: Json) -> str:
    """Return the interval, or nothing where there are too few to give one."""
    if row["low"] is None:
        return ""
    return f"{100 * row['low']:.0f}–{row['high']:.0%}"
