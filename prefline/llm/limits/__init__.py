"""What holds a call back: concurrency, rates, back-off, a broken server, money.

Each decides without I/O; `prefline/llm/dispatch.py` and `caller.py` wait as they say.
"""
