"""What a run made, for people: one HTML page, and a summary for the terminal."""

from prefline.report.page import write_report
from prefline.report.terminal import print_summary

__all__ = ["print_summary", "write_report"]
