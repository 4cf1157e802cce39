"""Values of params.yaml, changed where they stand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flows.runtime.params_file import set_params, with_value
from prefline.errors import ParamsError

TEXT = """\
# Where the models are.
endpoints:
  small: &small
    base_url: local # started by the pipeline
    key_env: null

sample:
  size: 160   # prompts
  hold_out: {share: 0.2, templates: [larger, "next number"]}

generate:
  endpoints: [*small]
  # how many
  samples_per_prompt: 4
train:
  - one
  - two
# the end
"""
COMMENTS = [line[line.index("#") :] for line in TEXT.splitlines() if "#" in line]
PLACES = (
    "sample.size", "sample.hold_out.share", "generate.endpoints", "generate.samples_per_prompt",
    "train", "sample.new", "sample.hold_out.new", "brand.new.key", "endpoints.small.base_url",
)  # fmt: skip
PLAIN = st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
)


def found(content: Any, place: str) -> Any:
    for part in place.split("."):
        content = content[part]
    return content


@given(st.sampled_from(PLACES), VALUES)
def test_the_value_is_set_and_nothing_else_is_touched(place: str, value: Any) -> None:
    try:
        text = with_value(TEXT, place, value)
    except ParamsError:
        # The alias in generate.endpoints stands for what this would change.
        assert place == "endpoints.small.base_url"
        return
    before, after = yaml.safe_load(TEXT), yaml.safe_load(text)

    assert found(after, place) == value
    assert with_value(text, place, value) == text
    for other in PLACES[:5]:
        if not place.startswith(other):
            assert found(after, other) == found(before, other)
    kept = [one for one in COMMENTS if one in text]
    # A comment inside of what is replaced may go with it.
    assert len(kept) == len(COMMENTS)


def test_a_value_that_is_there_already_keeps_the_file_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT)
    noted = path.stat().st_mtime_ns
    set_params(path, {"generate.endpoints": [{"base_url": "local", "key_env": None}]})

    assert path.read_text() == TEXT
    assert path.stat().st_mtime_ns == noted


def test_of_several_keys_all_are_set_or_none(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(TEXT)
    with pytest.raises(ParamsError, match=r"sample\.size\.more cannot be set"):
        set_params(path, {"sample.round": 3, "sample.size.more": 1})
    assert path.read_text() == TEXT

    set_params(path, {"sample.round": 3, "sample.size": None})
    assert yaml.safe_load(path.read_text())["sample"]["round"] == 3


def test_what_an_alias_stands_for_is_not_changed_behind_its_back() -> None:
    with pytest.raises(ParamsError, match="by an anchor"):
        with_value(TEXT, "endpoints.small.base_url", "http://elsewhere/v1")
