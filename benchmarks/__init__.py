"""Benchmarks: what the project's claims about speed and agreement rest on."""
