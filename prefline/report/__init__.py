"""The report of a run for people: one HTML page, and a summary for the terminal.

facts.py      everything that is told, read from tables and metrics
measures.py   what the tables say, counted in Arrow
trust.py      the answer to "can I train on this?"
examples.py   a few rows with the reasons for their label
charts.py     how a plot looks
plots.py      which facts are plotted
page.py       the HTML page
terminal.py   the summary
"""

from typing import TYPE_CHECKING

from prefline.lazy import lazy_names

if TYPE_CHECKING:
    from prefline.report.facts import Facts, read_facts
    from prefline.report.page import render, write_report
    from prefline.report.terminal import print_summary

__all__ = ["Facts", "print_summary", "read_facts", "render", "write_report"]

__getattr__ = lazy_names(
    __name__,
    {
        "facts": ["Facts", "read_facts"],
        "page": ["render", "write_report"],
        "terminal": ["print_summary"],
    },
)
