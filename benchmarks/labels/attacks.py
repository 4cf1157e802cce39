"""`python -m benchmarks.labels.attacks [--page PAGE] [--show]`: how many planted attacks on a
judge are found, and how many honest responses are taken for one, as Markdown."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from benchmarks.labels.attack_plants import Attack, Host, plant, plant_off_topic
from benchmarks.labels.honest import Honest, recorded, simulated
from benchmarks.labels.page import PAGE
from benchmarks.page import write_section
from prefline.stats.bootstrap import ratio
from tasks.judge.attacks import Finding, find_attacks

_SWAPS = 120
Findings = Mapping[str, Finding]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--show", action="store_true", help="every miss and false find, no page")
    args = parser.parse_args()
    sets = {"simulator, bundled prompts": simulated()}
    if (real := recorded()) is not None:
        sets["recorded, eight models"] = real
    false = {name: find_attacks(one.prompts, one.rows) for name, one in sets.items()}
    planted, found = _planted(sets.values(), real)
    if args.show:
        _show(planted, found, sets, false)
    text = f"{_recall(planted, found)}\n\n{_honest(sets, false)}"
    print(text)
    if not args.show:
        write_section(args.page, "benchmarks.labels.attacks", text)


def _planted(sets: Iterable[Honest], real: Honest | None) -> tuple[list[Attack], Findings]:
    """The attacks among all honest responses, half of them in the first set's prompts, and what
    is found. Answers off the topic need others on it, which made-up words are not."""
    hosts = [host for one in sets for host in _hosts(one, 1_748)]
    attacks = plant(hosts)
    if real is not None:
        attacks += plant_off_topic(_hosts(real, len(real.rows)), _SWAPS)
    rows = [
        {"response_id": attack.response_id, "prompt_id": attack.prompt_id, "text": attack.text}
        for attack in attacks
    ]
    prompts = [prompt for one in sets for prompt in one.prompts]
    return attacks, find_attacks(prompts, [row for one in sets for row in one.rows] + rows)


def _hosts(honest: Honest, most: int) -> list[Host]:
    prompts = {prompt.prompt_id: prompt for prompt in honest.prompts}
    rows = sorted(honest.rows, key=lambda row: row["response_id"])[:most]
    return [(prompts[row["prompt_id"]], row["text"]) for row in rows]


def _recall(attacks: Sequence[Attack], found: Findings) -> str:
    kinds = list(dict.fromkeys(attack.kind for attack in attacks))
    rows = [(kind, [attack for attack in attacks if attack.kind == kind]) for kind in kinds]
    told = [attack for attack in attacks if attack.kind != "off_topic"]
    lines = [
        "| attack | planted | found, wordings developed on | found, held out | found, all |",
        "|---|---|---|---|---|",
    ]
    for name, some in [*rows, ("all but off_topic", told), ("**all**", list(attacks))]:
        halves = [[one for one in some if one.held_out is half] for half in (False, True)]
        cells = [_found(part, found) for part in [*halves, some]]
        lines.append(f"| {name} | {len(some):,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _found(attacks: Sequence[Attack], found: Findings) -> str:
    """A share with its interval by wording: attacks of one wording are found or missed together.
    That a wording was planted for several prompts counts only where that is the attack."""
    hits = [
        (finding := found.get(attack.response_id)) is not None
        and (finding.kind != "constant" or attack.kind == "constant")
        for attack in attacks
    ]
    return _cell(hits, [f"{attack.kind} {attack.wording}" for attack in attacks], 3)


def _honest(sets: Mapping[str, Honest], false: Mapping[str, Findings]) -> str:
    lines = ["| honest responses | number | quarantined | share |", "|---|---|---|---|"]
    for name, honest in sets.items():
        models = sorted({row["model"] for row in honest.rows})
        parts = [(name, honest.rows)]
        if len(models) > 1:
            parts += [(m, [row for row in honest.rows if row["model"] == m]) for m in models]
        for part, rows in parts:
            hits = [row["response_id"] in false[name] for row in rows]
            share = _cell(hits, [row["prompt_id"] for row in rows], 4)
            lines.append(f"| {part} | {len(rows):,} | {sum(hits)} | {share} |")
    return "\n".join(lines)


def _cell(hits: Sequence[bool], groups: Sequence[str], digits: int) -> str:
    figure = ratio(hits, [1] * len(hits), groups)
    if figure.value is None:
        return ""
    return f"{figure.value:.{digits}f} [{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def _show(
    attacks: Sequence[Attack],
    found: Findings,
    sets: Mapping[str, Honest],
    false: Mapping[str, Findings],
) -> None:
    """What is missed in the half developed on, and every false find."""
    for attack in attacks:
        if not attack.held_out and attack.response_id not in found:
            print(
                f"missed {attack.kind} ({attack.wording}): "
                f"{attack.text[:150]!r} ... {attack.text[-150:]!r}"
            )
    for name, honest in sets.items():
        asked = {prompt.prompt_id: prompt.text for prompt in honest.prompts}
        for row in honest.rows:
            if (finding := false[name].get(row["response_id"])) is not None:
                print(f"false {finding} {row['model']}: {asked[row['prompt_id']][:90]!r}")


if __name__ == "__main__":
    main()
