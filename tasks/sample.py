"""Which prompts go in: read from their sources, filtered for a named reason, some held out for
good, the others drawn by seed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from prefline.errors import InputError
from prefline.ids import content_hash, lot
from prefline.params import HoldOut, SampleParams, Source
from prefline.prompts import Prompt, prompt_from_row
from prefline.sources.opening import open_source
from prefline.tables import Rejection
from prefline.verifiers import parse_verifier

Filter = Callable[[Prompt], str | None]


def empty(prompt: Prompt) -> str | None:
    """Rejects a prompt without text."""
    return None if prompt.text.strip() else "empty"


def broken_unicode(prompt: Prompt) -> str | None:
    """Rejects text that was decoded wrongly somewhere: it holds U+FFFD."""
    return "broken_unicode" if "\ufffd" in prompt.text else None


def longer_than(characters: int) -> Filter:
    """Rejects a conversation of more characters than that."""

    def too_long(prompt: Prompt) -> str | None:
        return "too_long" if len(prompt.text) > characters else None

    return too_long


@dataclass(frozen=True, slots=True)
class Sampled:
    """What sampling decided. `held_out` are prompts that nothing is trained on. `duplicates`
    counts exact copies of kept prompts: they share the kept one's id, so they are counted and
    are no rejections of their own."""

    kept: list[Prompt]
    rejected: list[Rejection]
    duplicates: int
    held_out: list[Prompt] = field(default_factory=list)


def keep(prompts: Iterable[Prompt], max_characters: int) -> Sampled:
    """The prompts that pass every filter, by id and each once, and the others with a reason."""
    filters: list[Filter] = [empty, broken_unicode, longer_than(max_characters)]
    kept: dict[str, Prompt] = {}
    rejected: dict[str, Rejection] = {}
    offered = 0
    for prompt in prompts:
        offered += 1
        reason = next((reason for look in filters if (reason := look(prompt))), None)
        if reason is None:
            kept.setdefault(prompt.prompt_id, prompt)
        else:
            excerpt = prompt.text[:80]
            rejected[prompt.prompt_id] = Rejection(
                "sample", "prompt", prompt.prompt_id, reason, excerpt
            )
    ordered = sorted(kept.values(), key=lambda prompt: prompt.prompt_id)
    return Sampled(ordered, list(rejected.values()), offered - len(kept) - len(rejected))


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


def draw(prompts: list[Prompt], size: int | None, seed: int, turn: int = 0) -> list[Prompt]:
    """`size` prompts, the same ones whatever their order: those whose hash with the seed is
    lowest. A larger size adds to a smaller one's draw; each further turn takes the next ones,
    and begins anew where they end."""
    if size is None or size >= len(prompts):
        return prompts
    lottery = sorted(prompts, key=lambda prompt: content_hash([seed, prompt.prompt_id]))
    places = (place % len(lottery) for place in range(turn * size, (turn + 1) * size))
    return sorted((lottery[place] for place in places), key=lambda prompt: prompt.prompt_id)


def read_prompts(source: Source, root: Path) -> Iterator[Prompt]:
    """The prompts of a source; a relative path is taken from the project's folder.

    Raises `InputError` for a row or a verifier that cannot be read, or if there is no row.
    """
    place = None
    for place, row in open_source(source, root).rows:
        prompt = prompt_from_row(row, source.name, place)
        if prompt.verifier is not None:
            _check_verifier(prompt.verifier, place)
        yield prompt
    if place is None:
        where = source.path or f"the query of source {source.name!r}"
        raise InputError(f"{where} has no rows", "give a source with at least one prompt")


def _check_verifier(specification: str, place: str) -> None:
    try:
        parse_verifier(specification)
    except InputError as error:
        raise InputError(f"{place}: field 'verifier': {error.problem}", error.remedy) from error


def sample_prompts(params: SampleParams, root: Path) -> Sampled:
    """Read all sources, filter, hold out and draw. Raises what `read_prompts` and `hold_out` do."""
    read = (prompt for source in params.sources for prompt in read_prompts(source, root))
    sampled = keep(read, params.max_characters)
    rest, held_out = hold_out(sampled.kept, params.hold_out)
    drawn = draw(rest, params.size, params.seed, params.round)
    return replace(sampled, kept=drawn, held_out=held_out)
