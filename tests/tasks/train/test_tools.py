"""What TRL's own data utilities make of published conversations with tools."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from prefline.config import BUNDLED_MODEL, PublishParams
from prefline.llm.local import bundled_weights
from prefline.releases.manifest import PREFERENCE
from prefline.tables.chat_template import ChatTemplate
from tasks.publish.cut import read_view
from tasks.train.trl import encoder_of
from tests.tasks.publish.test_turns import ROWS, loaded, written

pytestmark = pytest.mark.tuning
pytest.importorskip("trl", reason="needs the extra `train`: make setup-train")
TEMPLATES = ("llama3_1", "qwen2_5_training", "qwen3_training")


def text_of(template: str) -> str:
    return (resources.files("trl") / "chat_templates" / f"{template}.jinja").read_text()


def tokenizer_with(template: str) -> Any:
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(BPE()), bos_token="<s>", eos_token="</s>"
    )
    tokenizer.chat_template = text_of(template)
    return tokenizer


@pytest.mark.parametrize("template", TEMPLATES)
def test_trl_renders_calls_results_and_tools(template: str, tmp_path: Path) -> None:
    from trl.data_utils import is_conversational, maybe_apply_chat_template

    tokenizer = tokenizer_with(template)
    rows = {row["pair_id"]: row for row in loaded(written(tmp_path), PREFERENCE, tmp_path)}
    texts = {
        identity: maybe_apply_chat_template(
            {name: row[name] for name in ("prompt", "chosen", "rejected")},
            tokenizer,
            tools=row["tools"],
        )
        for identity, row in rows.items()
        if is_conversational(row)
    }
    first, simple = texts[ROWS[0]["pair_id"]], texts[ROWS[1]["pair_id"]]

    assert len(texts) == len(ROWS)
    assert '{"city": "Rome"}' in first["chosen"]
    assert "[1, null]" in first["rejected"]
    assert "18 degrees" in first["chosen"]
    assert '"weather"' in first["prompt"]
    assert "answer 2.0" in simple["chosen"]
    assert "weather" not in simple["prompt"]
    assert all("None" not in text for text in (*first.values(), *simple.values()))


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_prompt_begins_what_it_and_an_answer_are_rendered_to(
    template: str, tmp_path: Path
) -> None:
    tokenizer = tokenizer_with(template)
    ours = ChatTemplate(text_of(template), template, {"bos_token": "<s>", "eos_token": "</s>"})
    for row in loaded(written(tmp_path), PREFERENCE, tmp_path):

        def rendered(messages: Any, *, generates: bool = False, tools: Any = row["tools"]) -> str:
            text: str = tokenizer.apply_chat_template(
                messages, tools=tools, tokenize=False, add_generation_prompt=generates
            )
            return text

        alone = rendered(row["prompt"], generates=True)
        for side in ("chosen", "rejected"):
            whole = rendered([*row["prompt"], *row[side]])
            assert whole.startswith(alone)
            # `publish` writes what Transformers does, without it.
            assert ours.write([*row["prompt"], *row[side]], row["tools"]) == whole
        assert ours.write(row["prompt"], row["tools"], generates=True) == alone


def test_publish_has_the_tokens_of_the_bundled_model_that_train_has(tmp_path: Path) -> None:
    view = read_view(PublishParams(tokenizer=BUNDLED_MODEL, max_tokens=64), tmp_path)
    assert view is not None
    from transformers import AutoTokenizer

    weights = bundled_weights()
    tokenizer = AutoTokenizer.from_pretrained(str(weights.parent), gguf_file=weights.name)
    row = {
        "prompt": [{"role": "user", "content": "Wie viel ist 12345 + 678?\n\n\té"}],
        "chosen": [{"role": "assistant", "content": "It's 13,023. <|im_end|>"}],
    }
    text = view.template.write([*row["prompt"], *row["chosen"]])

    ours = view.tokenizer.encode(text, add_special_tokens=False).ids
    assert ours == encoder_of(tokenizer)(row, "chosen")
