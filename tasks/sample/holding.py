"""Prompts that nothing is ever trained on."""

from __future__ import annotations

from prefline.errors import InputError
from prefline.ids import lot
from prefline.params import HoldOut
from prefline.prompts import Prompt


def hold_out(prompts: list[Prompt], rule: HoldOut) -> tuple[list[Prompt], list[Prompt]]:
    """The prompts to draw from, and those that are held out: of each of the rule's templates
    all, and of the others the share whose hash is lowest. That hash knows no seed and no round, so
    a prompt that is held out once is never drawn, however often the rest is.

    Raises `InputError` for a template that no prompt has.
    """
    known = {prompt.template for prompt in prompts}
    missing = [one for one in rule.templates if one not in known]
    if missing:
        raise InputError(
            f"sample.hold_out.templates: no prompt has the template {missing[0]!r}",
            f"there are {', '.join(sorted(filter(None, known))) or 'none at all'}",
        )
    out = [
        prompt
        for prompt in prompts
        if prompt.template in rule.templates or lot("hold_out", prompt.prompt_id) < rule.share
    ]
    ids = {prompt.prompt_id for prompt in out}
    return [prompt for prompt in prompts if prompt.prompt_id not in ids], out
