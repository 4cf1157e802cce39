"""Results as Markdown tables: medians over repeats, and in brackets the range."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from statistics import median

from benchmarks.engine.latency import IN_FLIGHT, LATENCY_MS
from benchmarks.engine.measure import Cost
from benchmarks.engine.peers.race import Run
from benchmarks.engine.peers.table import table as peers_table
from benchmarks.engine.results import Result

Measure = Callable[[Result], float]
_BARE = "aiohttp"


def peers(results: list[Result]) -> str:
    """The two jobs, for all entrants."""
    return peers_table(Run(**(result | {"cost": Cost(**result["cost"])})) for result in results)


def flow(results: list[Result]) -> str:
    """The stages with Prefect around them."""
    head = ["job", "calls", "runs", "wall s", "CPU s", "CPU s of Prefect's server", "peak MB"]
    rows = []
    for job, runs in _by("job", results).items():
        rows.append([
            job, f"{runs[0]['calls']:,}", str(len(runs)),
            _spread(runs, lambda run: run["process"]["wall_s"]),
            _spread(runs, lambda run: run["process"]["cpu_s"]),
            _spread(runs, lambda run: run["prefect_cpu_s"]),
            _spread(runs, lambda run: run["process"]["peak_mb"], 0),
        ])  # fmt: skip
    return _table(head, rows)


def floor(results: list[Result]) -> str:
    """CPU time by program. A ratio is to the bare loop of the same repeat."""
    programs = _by("program", results)
    head = ["program", "calls", "runs", "CPU s per 1,000 calls", "of bare aiohttp", "calls/s",
            "cores used", "by the server"]  # fmt: skip
    rows = []
    for program, runs in programs.items():
        ratios = [_cpu(run) / _cpu(bare) for run, bare in zip(runs, programs[_BARE], strict=False)]
        rows.append([
            program, f"{runs[0]['calls']:,}", str(len(runs)),
            _spread(runs, _cpu, 3), _range(ratios),
            f"{median(map(_rate, runs)):,.0f}", *_cores(runs),
        ])  # fmt: skip
    return _table(head, rows)


def latency(results: list[Result]) -> str:
    """Calls per second by program."""
    most = IN_FLIGHT / (LATENCY_MS / 1000)
    head = ["program", "calls", "runs", "calls/s", f"of {most:,.0f}", "CPU s per 1,000 calls",
            "cores used", "by the server"]  # fmt: skip
    rows = []
    for program, runs in _by("program", results).items():
        rows.append([
            program, f"{runs[0]['calls']:,}", str(len(runs)),
            _spread(runs, _rate, 0), f"{median(map(_rate, runs)) / most:.0%}",
            f"{median(map(_cpu, runs)):.3f}", *_cores(runs),
        ])  # fmt: skip
    return _table(head, rows)


def memory(results: list[Result]) -> str:
    """The peak by number of requests, and its slope."""
    sizes = _by("calls", results)
    rows = [
        [f"{calls:,}", str(len(runs)), _spread(runs, _peak_mb, 0)] for calls, runs in sizes.items()
    ]
    few, many = min(sizes), max(sizes)
    grown = median(map(_peak_mb, sizes[many])) - median(map(_peak_mb, sizes[few]))
    slope = f"{grown / (many - few) * 1e6:.0f} MB for each further 1,000,000 requests."
    return f"{_table(['requests', 'runs', 'peak MB'], rows)}\n\n{slope}"


def store(results: list[Result]) -> str:
    """The reply store alone."""
    head = ["replies", "runs", "put us", "get us", "miss us", "opening ms", "bytes a reply"]
    rows = [
        [
            f"{calls:,}", str(len(runs)),
            _spread(runs, lambda run: run["put_us"], 1),
            _spread(runs, lambda run: run["get_us"], 1),
            _spread(runs, lambda run: run["miss_us"], 1),
            _spread(runs, lambda run: run["open_ms"]),
            f"{runs[0]['stored_bytes'] / calls:,.0f}",
        ]
        for calls, runs in _by("calls", results).items()
    ]  # fmt: skip
    return _table(head, rows)


def resume(results: list[Result]) -> str:
    """A run over stored replies."""
    head = ["replies", "store MB", "runs", "wall s", "CPU s", "CPU s per 1,000", "peak MB"]
    rows = []
    for calls, runs in _by("calls", results).items():
        rows.append([
            f"{calls:,}", f"{runs[0]['stored_bytes'] / 1e6:,.0f}", str(len(runs)),
            _spread(runs, lambda run: run["process"]["wall_s"]),
            _spread(runs, lambda run: run["process"]["cpu_s"]),
            f"{median(map(_cpu, runs)):.3f}", _spread(runs, _peak_mb, 0),
        ])  # fmt: skip
    return _table(head, rows)


def _cpu(run: Result) -> float:
    """CPU seconds per 1,000 calls, imports left out."""
    return float(run["took"]["cpu_s"] / run["calls"] * 1000)


def _rate(run: Result) -> float:
    return float(run["calls"] / run["took"]["wall_s"])


def _peak_mb(run: Result) -> float:
    return float(run["took"]["peak_mb"])


def _cores(runs: list[Result]) -> list[str]:
    """How much of a core the client and the server kept busy."""
    client = [run["took"]["cpu_s"] / run["took"]["wall_s"] for run in runs]
    server = [run["server_cpu_s"] / run["took"]["wall_s"] for run in runs]
    return [f"{median(client):.2f}", f"{median(server):.2f}"]


def _by(key: str, results: Iterable[Result]) -> dict[str, list[Result]]:
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result[key], []).append(result)
    return groups


def _spread(runs: list[Result], of: Measure, digits: int = 2) -> str:
    return _range(list(map(of, runs)), digits)


def _range(values: list[float], digits: int = 2) -> str:
    middle, least, most = (
        f"{value:,.{digits}f}" for value in (median(values), min(values), max(values))
    )
    return f"{middle} ({least} to {most})" if len(values) > 1 else middle


def _table(head: list[str], rows: list[list[str]]) -> str:
    """The first column is a name, the others are numbers."""
    rule = ["---", *["---:"] * (len(head) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, rule, *rows))
