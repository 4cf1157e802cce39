"""A provider with planted truth: an OpenAI-compatible server for dry runs, tests, benchmarks.

`simulated_server(SimulatorConfig(...))` runs one in a process of its own; `quality_of`, `p_first`
and `planted_text` are the truth behind its models.
"""

from prefline.simulator.config import (
    Batching,
    Generator,
    Judge,
    Latency,
    Limits,
    SimulatorConfig,
    same_model_pairs,
)
from prefline.simulator.generator import planted_text
from prefline.simulator.journal import LogEntry, Stats
from prefline.simulator.process import SimulatedServer, simulated_server
from prefline.simulator.truth import (
    Candidate,
    JudgeWeights,
    PairDistribution,
    accuracy_of,
    candidate_of,
    p_first,
    quality_of,
    sharpness_for,
)

__all__ = [
    "Batching",
    "Candidate",
    "Generator",
    "Judge",
    "JudgeWeights",
    "Latency",
    "Limits",
    "LogEntry",
    "PairDistribution",
    "SimulatedServer",
    "SimulatorConfig",
    "Stats",
    "accuracy_of",
    "candidate_of",
    "p_first",
    "planted_text",
    "quality_of",
    "same_model_pairs",
    "sharpness_for",
    "simulated_server",
]
