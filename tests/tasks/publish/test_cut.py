"""Pairs that a trainer cuts to the same, and prompts that a chat template writes in two ways."""

from __future__ import annotations

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers

from prefline.config import BUNDLED_MODEL, PublishParams
from prefline.errors import InputError, ParamsError, TableError
from prefline.project import Project
from prefline.tables.chat_template import ChatTemplate, differ_within
from tasks.publish import cut, cut_pairs
from tasks.publish.cut import TrainerView, read_view
from tests.tasks.publish.published import (
    card_text,
    preferences_of,
    project_at,
    publish,
    rows_of,
    set_params,
    set_preferences,
)
from tests.tasks.publish.rows import pair
from tests.tasks.publish.test_turns import ROWS, TEMPLATE

TURNS = (
    "{% for m in messages %}{{ bos_token }}{{ m.role }}:{% generation %}{{ m.content }}"
    "{% endgeneration %}{{ '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ bos_token }}assistant:{% endif %}"
)
# As Qwen 3's does it: a last answer has what an earlier turn, and a prompt alone, has not.
THINKS = (
    "{% for m in messages %}{{ m.role }}:{{ '=think=' if loop.last }}{{ m.content }}{% endfor %}"
)
ANSWERS = st.text("ab", min_size=2, max_size=6)
PROMPT = len("^user:?\n^assistant:")


def tokenizer_at(folder: Path, template: str | None = TURNS) -> Path:
    """A folder with a tokenizer whose tokens are bytes."""
    folder.mkdir()
    signs = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE({sign: place for place, sign in enumerate(signs)}, []))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.enable_truncation(3)  # of a use that is not ours
    core.save(str(folder / "tokenizer.json"))
    config = {"bos_token": {"content": "^"}, "chat_template": template}
    (folder / "tokenizer_config.json").write_bytes(orjson.dumps(config))
    return folder


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tokenizer_at(tmp_path_factory.mktemp("tokenizer") / "model")


def view_of(tokenizer: Path, max_tokens: int) -> TrainerView:
    found = read_view(
        PublishParams(tokenizer=str(tokenizer), max_tokens=max_tokens), tokenizer.parent
    )
    assert found is not None
    return found


def said(chosen: str, rejected: str) -> dict[str, Any]:
    """A pair on the prompt `?`."""
    sides = {"chosen": chosen, "rejected": rejected}
    turns = {name: [{"role": "assistant", "content": text}] for name, text in sides.items()}
    return {"pair_id": "p", "prompt": [{"role": "user", "content": "?"}], **turns}


@pytest.mark.parametrize(
    ("chosen", "rejected", "within"),
    [("abc", "abd", 3), ("abc", "xbc", 1), ("ab", "abc", 3), ("é", "è", 2)],
)
def test_a_pair_is_told_apart_from_the_token_on_in_which_its_answers_differ(
    chosen: str, rejected: str, within: int, tokenizer: Path
) -> None:
    rows = [said(chosen, rejected)]

    assert view_of(tokenizer, PROMPT + within - 1).told_apart(rows) == [False]
    assert view_of(tokenizer, PROMPT + within).told_apart(rows) == [True]


@settings(max_examples=15)
@given(st.lists(st.tuples(ANSWERS, ANSWERS), min_size=1, max_size=5))
def test_what_is_told_apart_differs_in_the_tokens_that_are_left(
    tokenizer: Path, texts: list[tuple[str, str]]
) -> None:
    view = view_of(tokenizer, PROMPT + 4)

    # A token is a byte here, and a turn ends in one.
    assert view.told_apart([said(*one) for one in texts]) == [
        f"{first}\n"[:4] != f"{second}\n"[:4] for first, second in texts
    ]


def cut_project(root: Path, tokenizer: Path, **params: Any) -> Project:
    """A project of which the pair of prompt 1 is the same for 40 characters, and two others."""
    project = project_at(root, tokenizer=str(tokenizer), max_tokens=40, **params)
    long = "the same for longer than that: "
    sides = {name: said(long + "a", long + "b")[name] for name in ("chosen", "rejected")}
    set_preferences(project, [pair(1, 0, 1) | sides, pair(1, 0, 2), pair(2, 0, 1)])
    return project


def test_a_version_has_no_pair_that_its_trainer_cuts_to_the_same_and_says_so(
    tmp_path: Path, tokenizer: Path
) -> None:
    project = cut_project(tmp_path, tokenizer, formats=["preference", "kto"])
    lost, *others = preferences_of(project)
    manifest = publish(project).manifest
    rows = rows_of(project, manifest).to_pylist()

    assert {row["pair_id"] for row in rows} == {row["pair_id"] for row in others}
    encode = Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    encode.no_truncation()
    template = ChatTemplate(TURNS, "turns", {"bos_token": "^"})
    for row in rows:
        tokens = [
            encode.encode(template.write([*row["prompt"], *row[side]])).ids
            for side in ("chosen", "rejected")
        ]
        assert differ_within(*tokens, 40)
    assert manifest.left_out["preference"] == {"same_when_cut": 1}
    assert manifest.recipe is not None
    listed = cut_pairs(project, manifest.recipe).read_bytes().splitlines()
    assert [orjson.loads(line)["pair_id"] for line in listed] == [lost["pair_id"]]
    assert "| preference | pairs that are the same in the tokens" in card_text(project)
    assert manifest.lineage["trainer"]["max_tokens"] == 40
    # An answer stands alone in other formats where another pair tells it apart.
    ids = set(rows_of(project, manifest, "kto")["response_id"].to_pylist())
    assert lost["chosen_id"] in ids
    assert lost["rejected_id"] not in ids


def test_another_length_is_another_version_and_nothing_left_is_an_error(
    tmp_path: Path, tokenizer: Path
) -> None:
    project = cut_project(tmp_path, tokenizer)
    publish(project)
    set_params(project, publish={"max_tokens": 400})
    manifest = publish(project).manifest

    assert (manifest.version, manifest.left_out) == (2, {})
    set_params(project, publish={"max_tokens": 5})
    with pytest.raises(TableError, match="the same in their first 5 tokens"):
        publish(project)


def test_a_prompt_that_is_written_otherwise_before_an_answer_is_refused(tmp_path: Path) -> None:
    project = project_at(tmp_path, chat_template="thinks.jinja")
    (tmp_path / "thinks.jinja").write_text(THINKS)

    with pytest.raises(InputError, match=r"pair [0-9a-f]{16}, chosen: .* thinks\.jinja") as caught:
        publish(project)
    assert "think=" in str(caught.value).split(" alone, and ")[0]
    (tmp_path / "thinks.jinja").write_text(TURNS)
    assert publish(project).manifest.left_out == {}


def test_calls_and_tools_are_written_as_a_version_has_them(tmp_path: Path) -> None:
    project = project_at(tmp_path, chat_template="calls.jinja", reasoning="keep")
    thinking = "{% for m in messages if m.thinking %}{{ raise_exception(m.thinking) }}{% endfor %}"
    (tmp_path / "calls.jinja").write_text(TEMPLATE)
    set_preferences(project, [row | {"tools": row.get("tools")} for row in ROWS])

    assert publish(project).manifest.rows == {"train": 4}
    (tmp_path / "calls.jinja").write_text(TEMPLATE + thinking)
    with pytest.raises(InputError, match="cannot write a conversation: I must look"):
        publish(project)


def test_a_template_beside_the_tokenizer_and_a_named_one_come_before_its_config(
    tmp_path: Path,
) -> None:
    folder = tokenizer_at(tmp_path / "model", "{% in the config %}")
    params = PublishParams(tokenizer="model/tokenizer.json", max_tokens=9)
    with pytest.raises(InputError, match=r"model/tokenizer.json \(tokenizer_config.json\)"):
        read_view(params, tmp_path)
    (folder / "chat_template.jinja").write_text("beside")
    (tmp_path / "named.jinja").write_text("{{ [1, 'é'] | tojson }}{{ strftime_now('%Y') }}")

    beside = read_view(params, tmp_path)
    named = read_view(params.model_copy(update={"chat_template": "named.jinja"}), tmp_path)
    assert beside is not None
    assert named is not None
    assert beside.template.write([]) == "beside"
    assert named.template.write([]) == '[1, "é"]2026'
    assert beside.told["chat_template_sha256"] != named.told["chat_template_sha256"]


def test_a_tokenizer_that_is_not_there_or_has_no_template_is_an_error(tmp_path: Path) -> None:
    def read(name: str, **more: Any) -> None:
        read_view(PublishParams(tokenizer=name, max_tokens=9, **more), tmp_path)

    tokenizer_at(tmp_path / "bare", None)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ParamsError, match="has no chat template"):
        read("bare")
    with pytest.raises(ParamsError, match=r"tokenizer\.json cannot be read"):
        read("tokenizer.json")
    with pytest.raises(ParamsError, match=r"is neither a tokenizer\.json nor"):
        read("nowhere")
    if find_spec("transformers") is None:
        with pytest.raises(ParamsError, match="make setup-train"):
            read(BUNDLED_MODEL)
    with pytest.raises(ParamsError, match=r"named.jinja does not exist"):
        read("bare", chat_template="named.jinja")
    with pytest.raises(ValidationError, match="set tokenizer and max_tokens together"):
        PublishParams(tokenizer="bare")
    (tmp_path / "bare" / "tokenizer_config.json").write_text("{")
    with pytest.raises(ParamsError, match="is no JSON"):
        read("bare")


def test_the_bundled_tokenizer_is_read_from_its_model_once(
    tmp_path: Path, tokenizer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights, reads = tmp_path / "model.gguf", list[str]()

    def from_pretrained(folder: str, gguf_file: str) -> SimpleNamespace:
        reads.append(f"{folder}/{gguf_file}")
        return SimpleNamespace(
            save_pretrained=lambda target: shutil.copytree(tokenizer, target, dirs_exist_ok=True)
        )

    reader = SimpleNamespace(AutoTokenizer=SimpleNamespace(from_pretrained=from_pretrained))
    monkeypatch.setitem(sys.modules, "transformers", reader)
    monkeypatch.setattr(cut, "version", lambda _: "5.0")
    monkeypatch.setattr(cut, "bundled_weights", lambda: weights)

    params = PublishParams(tokenizer=BUNDLED_MODEL, max_tokens=9)
    weights.write_bytes(b"one")
    one, again = (read_view(params, tmp_path) for _ in range(2))
    assert one
    assert again
    assert one.told == again.told
    assert reads == [str(weights)]

    weights.write_bytes(b"other")
    read_view(params, tmp_path)
    assert reads == [str(weights)] * 2
