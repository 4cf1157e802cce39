"""The same two jobs for other libraries that call OpenAI-compatible endpoints in bulk.

    jobs.py           the jobs, as every peer is given them
    distilabel.py     one script per peer, run in an environment of its own
    curator.py
    data_designer.py
    datatrove.py
    inputs.py         the prompts and pairs, made from a seed
    outputs.py        what a peer has written, read back and checked
    entrants.py       who takes part: name, command, files written
    race.py           one run: a fresh server, a fresh folder, measured and checked
    table.py          medians as Markdown
    __main__.py       `python -m benchmarks.engine.peers`: all entrants in turn

`make bench-engine-peers` makes the environments, from the `.txt` file beside each script.
`jobs.py` and the scripts run there, so they import nothing but the standard library and
their peer.
"""
