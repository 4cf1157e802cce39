"""What a call costs the client: Prefline's engine beside bare loops and beside its peers.

    peers/        the same two jobs for Prefline's stages and for other libraries
    floor.py      CPU time of a call: the engine against bare loops, no latency
    latency.py    calls per second with 1,024 in flight, 200 ms each
    memory.py     resident memory as the number of requests grows
    resume.py     a run over replies that are all stored, with no endpoint up
    store.py      the reply store alone: opening, put, get and a miss
    flow.py       the stages with Prefect around them, and what its server takes
    publish.py    benchmarks/results/engine.md from the results of all of these
    tables.py     its tables

    stage.py      the work of the stages `generate` and `judge`, without Prefect and DVC
    aiohttp_client.py   aiohttp in the place of the engine's own HTTP client
    bare.py       loops over HTTP clients that do nothing but call
    clients.py    the program that is measured: one of these, in a process of its own
    material.py   prompts and requests of about 1 KB
    fill.py       a reply store with as many replies as asked, no endpoint needed
    measure.py    wall time, CPU time and memory of a command
    trial.py      one measured run of `clients.py` and the load of the machine around it
    results.py    results as JSON lines in .bench/results

`make bench-engine` runs all of it; `make bench-engine BENCH=--quick` shows that it works.
"""
