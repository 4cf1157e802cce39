"""Figures of the judges of a table of recorded verdicts: `prefline audit`."""
