"""Stands in for Prefect where only the life of its server matters: starts in no time."""
