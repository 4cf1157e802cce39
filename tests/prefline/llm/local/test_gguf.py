from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefline.llm.local import bundled_weights
from prefline.llm.local.gguf import hugging_face_name, interleave_halves, load_gguf, write_gguf


@given(st.integers(1, 5), st.integers(1, 8))
def test_the_halves_of_each_head_come_to_lie_side_by_side(heads: int, half: int) -> None:
    rows = np.arange(heads * 2 * half)[:, None]
    turned = interleave_halves(rows, heads)[:, 0].reshape(heads, half, 2)

    for head in range(heads):
        start = head * 2 * half
        assert turned[head, :, 0].tolist() == list(range(start, start + half))
        assert turned[head, :, 1].tolist() == list(range(start + half, start + 2 * half))


@pytest.mark.parametrize(
    ("gguf", "hugging_face"),
    [
        ("token_embd.weight", "model.embed_tokens.weight"),
        ("blk.3.attn_q.weight", "model.layers.3.self_attn.q_proj.weight"),
        ("blk.12.ffn_down.weight", "model.layers.12.mlp.down_proj.weight"),
    ],
)
def test_tensors_are_found_by_their_other_name(gguf: str, hugging_face: str) -> None:
    assert hugging_face_name(gguf) == hugging_face


def test_a_tensor_of_another_architecture_has_no_other_name() -> None:
    with pytest.raises(KeyError):
        hugging_face_name("blk.0.ssm_conv1d.weight")


@pytest.mark.timeout(400)
@pytest.mark.tuning
@pytest.mark.filterwarnings("default")
def test_the_bundled_model_is_the_same_after_both_ways(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`: make setup-train")
    model, tokenizer = load_gguf(bundled_weights())
    weights = {name: one.numpy() for name, one in model.state_dict().items()}
    write_gguf(weights, bundled_weights(), tmp_path / "again.gguf")
    again, other = load_gguf(tmp_path / "again.gguf")
    turn = [{"role": "user", "content": "What is 3 + 5?"}]

    for name, one in again.state_dict().items():
        np.testing.assert_allclose(one.numpy(), weights[name], rtol=1e-3, atol=1e-6)
    assert tokenizer.apply_chat_template(turn) == other.apply_chat_template(turn)
    assert other.eos_token == "<|im_end|>"
