"""How good the judges of a table of recorded verdicts are: `prefline audit`."""
