from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from prefline.ids import content_hash, content_id, seed_from

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_an_id_is_the_same_on_any_machine() -> None:
    assert content_id("prompt", [{"role": "user", "content": "hi"}]) == "56ba741986209c24"


@given(st.dictionaries(st.text(), JSON))
def test_the_order_in_which_a_dict_was_filled_does_not_matter(value: dict[str, object]) -> None:
    turned = dict(reversed(list(value.items())))

    assert content_hash(value) == content_hash(turned)


@given(JSON, JSON)
def test_an_id_has_sixteen_hex_digits_and_differs_where_the_parts_do(
    one: object, other: object
) -> None:
    assert len(content_id(one)) == 16
    assert int(content_id(one), 16) >= 0
    # The parts' borders count: ("ab", "c") is not ("a", "bc").
    assert content_id(one, other) != content_id([one, other])


@given(JSON)
def test_a_seed_fits_what_vendors_take(value: object) -> None:
    assert 0 <= seed_from(value) < 2**31
