"""Prompts that nothing is ever trained on."""

from __future__ import annotations

from collections.abc import Collection

from prefline.config import HoldOut
from prefline.errors import InputError
from prefline.ids import lot
from prefline.tables.prompts import Prompt


def is_held_out(prompt: Prompt, rule: HoldOut) -> bool:
    """Whether a prompt is never to be trained on: it is of one of the rule's templates, or among
    the share of the others whose hash is lowest. That hash knows no seed and no round, so a prompt
    that is held out once is never drawn, however often the rest is."""
    if prompt.template in rule.templates:
        return True
    return rule.share > 0 and lot("hold_out", prompt.prompt_id) < rule.share


def check_templates(rule: HoldOut, known: Collection[str | None]) -> None:
    """Raises `InputError` for a template of the rule that no prompt has."""
    missing = [one for one in rule.templates if one not in known]
    if missing:
        raise InputError(
            f"sample.hold_out.templates: no prompt has the template {missing[0]!r}",
            f"there are {', '.join(sorted(filter(None, known))) or 'none at all'}",
        )
