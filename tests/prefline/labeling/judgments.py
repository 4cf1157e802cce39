"""Rows of `judgments` for the tests of `pair`."""

from __future__ import annotations

import math
import random
from typing import Any


def judgment(
    first: str,
    second: str,
    verdict: str,
    *,
    judge: str = "small",
    p_first: float | None = None,
    prompt: str = "p",
) -> dict[str, Any]:
    """One verdict on two responses in the order in which they were shown."""
    method = "verifier" if judge == "verifier" else "pairwise"
    return {
        "judgment_id": f"{judge}-{first}-{second}",
        "prompt_id": prompt,
        "first_id": first,
        "second_id": second,
        "judge": judge,
        "method": method,
        "verdict": verdict,
        "p_first": p_first,
    }


def planted(pairs: int, sharpness: float, bias: float, seed: int = 0) -> list[dict[str, Any]]:
    """Judgments in both orders by a judge whose log-odds for the first are
    sharpness * (which is better: +1 or -1) + bias + noise, and a verifier that knows."""
    draw, rows = random.Random(seed), []
    for number in range(pairs):
        a, b = f"{number:05d}a", f"{number:05d}b"
        better = draw.choice((a, b))
        verdict = "first" if better == a else "second"
        p = 1.0 if better == a else 0.0
        rows.append(judgment(a, b, verdict, judge="verifier", p_first=p, prompt=str(number)))
        belief = draw.gauss(0, 1) + sharpness * (1 if better == a else -1)
        for first, second, toward in ((a, b, belief), (b, a, -belief)):
            p = 1 / (1 + math.exp(-(toward + bias)))
            side = "first" if p > 0.5 else "second"
            rows.append(judgment(first, second, side, p_first=p, prompt=str(number)))
    return rows
