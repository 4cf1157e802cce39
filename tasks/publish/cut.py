"""Pairs as a trainer sees them: what its chat template writes, cut at `publish.max_tokens`.

Of a pair that is the same once it is cut a trainer learns nothing, so no version has it; and a
prompt that a template writes otherwise before an answer is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefline.atomic import atomic_folder, disk_errors
from prefline.config import BUNDLED_MODEL, PublishParams
from prefline.errors import ParamsError, TableError
from prefline.ids import content_hash, sha256_of
from prefline.llm.local.models import bundled_weights
from prefline.tables.chat_template import ChatTemplate, differ_within
from prefline.tables.parts import open_parquet
from tasks.publish.hub import hub_failures
from tasks.publish.thinking import Reasoning
from tasks.publish.turns import published_turn

SAME_WHEN_CUT = "same_when_cut"
CUT = f"{SAME_WHEN_CUT}.jsonl"
_TOKENIZER, _CONFIG, _TEMPLATE = "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"
_ON_THE_HUB = re.compile(r"[\w.-]+/[\w.-]+")
_MARK = "_token"  # what the names of tokens in a tokenizer's config end with
_BATCH_ROWS = 8_192
_ROWS_AT_ONCE = 256  # in tokens a conversation takes a hundred times its text
_IDS = ("pair_id", "prompt_id", "chosen_id", "rejected_id")
_SIDES = ("chosen", "rejected")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TrainerView:
    """A trainer's chat template; its tokenizer (of the package `tokenizers`) and where it cuts,
    None where params name the template alone; and what the lineage says of them."""

    template: ChatTemplate
    tokenizer: Any
    max_tokens: int | None
    told: Mapping[str, Any]

    def told_apart(self, rows: Sequence[Row]) -> list[bool]:
        """Tell of each pair whether it differs where the trainer does not cut it.

        `rows` have `pair_id`, and messages and tools as a version has them. Raises `InputError` for
        a prompt that is written otherwise before an answer.
        """
        written = [text for row in rows for text in self._write(row)]
        if self.max_tokens is None:
            return [True] * len(rows)
        found = self.tokenizer.encode_batch_fast(written, add_special_tokens=False)
        return [
            differ_within(chosen.ids, rejected.ids, self.max_tokens)
            for chosen, rejected in zip(found[::2], found[1::2], strict=True)
        ]

    def _write(self, row: Row) -> Iterator[str]:
        """Yield the conversation with each of the answers."""
        prompt, tools = row["prompt"], row.get("tools")
        alone = self.template.write(prompt, tools, generates=True)
        for side in _SIDES:
            whole = self.template.write([*prompt, *row[side]], tools)
            self.template.refuse_other_start(alone, whole, f"pair {row['pair_id']}, {side}")
            yield whole


def read_view(params: PublishParams, root: Path) -> TrainerView | None:
    """Read what params name; None where they name neither a tokenizer nor a template.

    Raises `ParamsError` for what cannot be found or read, and `InputError` for a bad template.
    """
    if params.tokenizer is None and params.chat_template is None:
        return None
    tokenizer, told, config = None, dict[str, Any](), dict[str, Any]()
    folder = None
    if params.tokenizer is not None:
        path = _find_tokenizer(params.tokenizer, root)
        folder, tokenizer = path.parent, _load_tokenizer(path)
        config = _read_config(folder / _CONFIG)
        told = {
            "tokenizer": params.tokenizer,
            "tokenizer_sha256": sha256_of(path),
            "max_tokens": params.max_tokens,
        }
    text, name = _find_template(params, root, folder, config)
    template = ChatTemplate(text, name, _marks(config))
    told |= {"chat_template": name, "chat_template_sha256": content_hash([text, template.marks])}
    return TrainerView(template, tokenizer, params.max_tokens, told)


def apart_parts(
    parts: Sequence[Path], view: TrainerView, reasoning: Reasoning | None, folder: Path
) -> tuple[Sequence[Path], int]:
    """Write the pairs of each part that a trainer can tell apart to `folder`; return the files, and
    how many pairs are left out. These are named in the folder's `CUT`, a line of JSON for each.

    Every pair's prompt is looked at, where the trainer's length is not known too. Raises
    `InputError` as `TrainerView.told_apart` does, `TableError` if no pair is left, and `DiskFull`.
    """
    kept = list[Path]()
    n_kept, n_cut = 0, 0
    with disk_errors(folder), (folder / CUT).open("wb") as lines:
        for number, part in enumerate(parts):
            file = open_parquet(part)
            kept.append(folder / f"apart-{number:05d}.parquet")
            with pq.ParquetWriter(kept[-1], file.schema_arrow, compression="zstd") as writer:
                for batch in file.iter_batches(_BATCH_ROWS):
                    rows = pa.Table.from_batches([batch])
                    apart = pa.array(_told_apart(rows, view, reasoning), pa.bool_())
                    writer.write_table(rows.filter(apart))
                    for row in rows.select(_IDS).filter(pc.invert(apart)).to_pylist():
                        lines.write(orjson.dumps(row) + b"\n")
                    n_kept += apart.true_count
                    n_cut += apart.false_count
    if n_cut and not n_kept:
        raise TableError(
            f"the answers of every pair are the same in their first {view.max_tokens:,} tokens",
            "raise publish.max_tokens, if the trainer takes longer conversations",
        )
    return kept, n_cut


def _told_apart(rows: pa.Table, view: TrainerView, reasoning: Reasoning | None) -> list[bool]:
    has_tools = "tools" in rows.column_names
    found = list[bool]()
    for start in range(0, rows.num_rows, _ROWS_AT_ONCE):
        some = rows.slice(start, _ROWS_AT_ONCE)
        if reasoning is not None:
            some = reasoning.add_to(some)
        names = ["pair_id", "prompt", *_SIDES, *(["tools"] if has_tools else [])]
        pairs = some.select(names).to_pylist()
        if has_tools:
            pairs = [_with_tools(pair, keep_reasoning=reasoning is not None) for pair in pairs]
        found += view.told_apart(pairs)
    return found


def _with_tools(row: Row, *, keep_reasoning: bool) -> Row:
    turns = {
        name: [published_turn(turn, keep_reasoning=keep_reasoning) for turn in row[name]]
        for name in ("prompt", *_SIDES)
    }
    return row | turns | {"tools": orjson.loads(row["tools"]) if row["tools"] else None}


def _find_tokenizer(name: str, root: Path) -> Path:
    if name == BUNDLED_MODEL:
        return _bundled(root / ".prefline" / "tokenizers") / _TOKENIZER
    path = root / name
    path = path / _TOKENIZER if path.is_dir() else path
    if path.is_file():
        return path
    if not (root / name).exists() and _ON_THE_HUB.fullmatch(name):
        path = _from_the_hub(name) / _TOKENIZER
        if path.is_file():
            return path
    raise ParamsError(
        f"publish.tokenizer: {name} is neither a {_TOKENIZER} nor a folder or model that has one",
        f"name the model's {_TOKENIZER}, its folder, or its name on the Hugging Face Hub; "
        "`AutoTokenizer.from_pretrained(model).save_pretrained(folder)` writes one of any model",
    )


def _bundled(folder: Path) -> Path:
    """Return the tokenizer inside the bundled model's GGUF, as `train` reads it, in a folder below
    `folder`. It is read from the GGUF, which takes seconds, once for each version of that and of
    Transformers."""
    try:
        weights, reader = bundled_weights(), version("transformers")
        kept = folder / content_hash([sha256_of(weights), reader])[:16]
        if not kept.is_dir():
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(str(weights.parent), gguf_file=weights.name)
            with atomic_folder(kept) as draft:
                tokenizer.save_pretrained(draft)
    except ImportError as error:
        raise ParamsError(
            f"publish.tokenizer: that of {BUNDLED_MODEL} is read by the extra train: {error}",
            f"install it with `make setup-train`, or name a {_TOKENIZER} or its folder",
        ) from error
    return kept


def _from_the_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    failures: tuple[type[Exception], ...] = (*hub_failures(HfHubHTTPError), OSError)
    try:
        wanted = [_TOKENIZER, _CONFIG, _TEMPLATE]
        return Path(snapshot_download(name, allow_patterns=wanted))
    except failures as error:
        raise ParamsError(
            f"publish.tokenizer: {name} is no file or folder of the project, and the Hugging Face "
            f"Hub does not give it: {error}",
            "correct the name; a private model needs HF_TOKEN, and without a network only a file "
            "or folder can be read",
        ) from error


def _load_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the package raises no narrower one
        raise ParamsError(
            f"publish.tokenizer: {path} cannot be read: {error}",
            f"name a {_TOKENIZER} that the package tokenizers has written",
        ) from error
    # What a file says of these holds for other uses of it.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = orjson.loads(path.read_bytes()) if path.is_file() else {}
    except orjson.JSONDecodeError as error:
        raise ParamsError(
            f"publish.tokenizer: {path} is no JSON: {error}", "fetch the model's files again"
        ) from error
    return config


def _find_template(
    params: PublishParams, root: Path, folder: Path | None, config: Mapping[str, Any]
) -> tuple[str, str]:
    """Return a chat template, and where it is from; of several places the first, as Transformers
    does it."""
    named = None if params.chat_template is None else root / params.chat_template
    path = named if named is not None else folder / _TEMPLATE if folder is not None else None
    if path is not None and path.is_file():
        name = params.chat_template or f"{params.tokenizer} ({_TEMPLATE})"
        return path.read_text(encoding="utf-8"), name
    if named is not None:
        raise ParamsError(
            f"publish.chat_template: {named} does not exist", "name a Jinja file of the project"
        )
    template = config.get("chat_template")
    if isinstance(template, list):  # as older tokenizers have several
        template = {one["name"]: one["template"] for one in template}.get("default")
    if not isinstance(template, str):
        raise ParamsError(
            f"publish.tokenizer: {params.tokenizer} has no chat template, so nobody knows what a "
            "trainer makes of a conversation",
            f"put {_CONFIG} or {_TEMPLATE} of the model beside {_TOKENIZER}, or name a Jinja file "
            "in publish.chat_template",
        )
    return template, f"{params.tokenizer} ({_CONFIG})"


def _marks(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the texts of the tokens that templates name, such as `bos_token`."""
    named = {name: value for name, value in config.items() if name.endswith(_MARK) and value}
    texts = {
        name: value.get("content") if isinstance(value, Mapping) else value
        for name, value in named.items()
    }
    return {name: text for name, text in texts.items() if isinstance(text, str)}
