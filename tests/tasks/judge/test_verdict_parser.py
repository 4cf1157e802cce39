from __future__ import annotations

import json
import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.judge.own_words import own_words
from tasks.judge.verdict_parser import (
    p_first_of,
    parse_letter,
    parse_objects,
    parse_ranking,
)
from tests.tasks.judge.material import reply

# As judges say them, each with the side that they mean.
SAID = {
    "A": "first", "B.": "second", "**B**": "second", "[[A]]": "first", "(B)": "second",
    "Answer: B": "second", "Verdict: A.": "first", "The better answer is B.": "second",
    "Answer A is better.": "first", "I'd go with answer B.": "second",
    "B, because it is so": "second",
    '{"verdict": "A"}': "first", '```json\n{"winner": "Answer B"}\n```': "second",
    "[[B>A]]": "second",
}  # fmt: skip
INVISIBLE = "\u200b\u200c\u200d\u2060\ufeff\u00ad"


@pytest.mark.parametrize(
    ("text", "side"),
    [
        pytest.param("A", "first", id="letter"),
        pytest.param("B.", "second", id="with a full stop"),
        pytest.param("**B**", "second", id="bold"),
        pytest.param("[[A]]", "first", id="brackets"),
        pytest.param("Answer: B", "second", id="in words"),
        pytest.param("A, no: B", "second", id="the last one binds"),
        pytest.param("I'd say neither", "invalid", id="neither"),
        pytest.param("", "invalid", id="empty"),
        pytest.param("Because", "invalid", id="a word that begins with the letter"),
        pytest.param("C", "invalid", id="not offered"),
        pytest.param("A is better than B.", "first", id="the beaten one is no verdict"),
        pytest.param("I pick B over A", "second", id="one over the other"),
        pytest.param("Winner: A (B is wrong)", "first", id="a fault is no verdict"),
        pytest.param("A. B\u2019s claim is false", "first", id="typographic apostrophe"),
        pytest.param("A or B? B", "second", id="after the question"),
        pytest.param("Between A and B, B", "second", id="after both"),
        pytest.param("B since it is right", "second", id="with its reason"),
        pytest.param("B\n\nAnswer A is short.", "second", id="a letter that is only named"),
        pytest.param("I choose A. Answer B is too long.", "first", id="chosen, then named"),
        pytest.param("Answer B is more accurate, A is vague.", "second", id="compared"),
        pytest.param("A > B", "first", id="by sign"),
        pytest.param("[[B>A]]", "second", id="by sign in brackets"),
        pytest.param("Urteil: B", "second", id="another language"),
        pytest.param("La r\u00e9ponse A est meilleure que B", "invalid", id="both are named"),
        pytest.param("Neither A nor B is better.", "invalid", id="neither of both"),
        pytest.param("I cannot choose A.", "invalid", id="denied"),
        pytest.param("If A is right, then B is wrong too.", "invalid", id="under a condition"),
        pytest.param("A better answer would explain.", "invalid", id="the article"),
        pytest.param("It is a better answer: b", "second", id="an article and a letter"),
        pytest.param("a", "first", id="lower case"),
        pytest.param("answer b is better", "second", id="lower case in words"),
        pytest.param("a) it is short", "invalid", id="an item of a list"),
        pytest.param("\uff22", "second", id="full width"),
        pytest.param("\uff3b\uff3b\uff21\uff3d\uff3d", "first", id="full-width brackets"),
        pytest.param("\U0001d401", "second", id="mathematical bold"),
        pytest.param("\\boxed{B}", "second", id="boxed"),
        pytest.param("[Answer B]", "second", id="a noun in brackets"),
        pytest.param("<verdict>B</verdict>", "second", id="in a tag"),
        pytest.param('{"reasons": "A is wrong", "verdict": "b"}', "second", id="JSON"),
        pytest.param('{"Verdict": "First"}', "first", id="JSON in words"),
        pytest.param('{"verdict": "A"} B is too long.', "first", id="JSON, then a name"),
        pytest.param('{"reasons": "A: vague. B: good. Verdict: B"}', "invalid", id="JSON without"),
        pytest.param("<think>A is better.</think>B", "second", id="after the reasoning"),
        pytest.param("I lean to A.</think>\nB", "second", id="reasoning without its beginning"),
        pytest.param("[THINK]A[/THINK]B", "second", id="reasoning in brackets"),
        pytest.param("<think>A is better.", "invalid", id="reasoning without its end"),
        pytest.param("Answer A says 4. Answer B says 5. Verdict: B", "second", id="thought aloud"),
        pytest.param("Answer A picks option B, wrongly. So A wins.", "first", id="an option"),
    ],
)
def test_the_last_verdict_binds_and_a_reply_without_one_is_invalid(text: str, side: str) -> None:
    assert parse_letter(reply(text)).side == side


@given(st.sampled_from(list(SAID)), st.data())
def test_signs_that_print_nothing_and_wide_letters_change_no_verdict(
    text: str, data: st.DataObject
) -> None:
    signs = data.draw(
        st.lists(st.sampled_from(["", *INVISIBLE]), min_size=len(text), max_size=len(text))
    )
    wide = data.draw(st.booleans())
    shown = "".join(
        (chr(ord(sign) + 0xFEE0) if wide and "!" <= sign <= "~" else sign) + between
        for sign, between in zip(text, signs, strict=True)
    )

    assert parse_letter(reply(shown)).side == SAID[text]


@given(
    st.sampled_from(list(SAID)),
    st.sampled_from(list(SAID)),
    st.sampled_from(["think", "thinking", "Reasoning"]),
)
def test_no_verdict_in_the_reasoning_binds(thought: str, text: str, tag: str) -> None:
    shown = f"<{tag}>\nHm. {thought}\n</{tag}>\n\n{text}"

    assert parse_letter(reply(shown)).side == SAID[text]
    assert parse_letter(reply(f"<{tag}>{thought}\n{text}")).side == "invalid"


@given(st.sampled_from(list(SAID)), st.sampled_from(list(SAID)))
def test_the_last_of_two_verdicts_binds(first: str, second: str) -> None:
    assert parse_letter(reply(f"{first}\n\nOn second thought:\n{second}")).side == SAID[second]


@pytest.mark.parametrize(
    "text", ["A better answer would", "A more careful", "a good one is", "A i"]
)
@given(data=st.data())
def test_an_article_that_a_cut_off_reply_begins_with_is_no_verdict(
    text: str, data: st.DataObject
) -> None:
    shown = text[: data.draw(st.integers(0, len(text)))]
    verdict = parse_letter(reply(shown, finish_reason="length"))

    assert (verdict.side, verdict.p_first, verdict.reason) == ("invalid", None, "cut_off")
    assert verdict.rationale == shown


@pytest.mark.parametrize(
    ("text", "side"),
    [
        pytest.param("A\n\nA", "first", id="a letter, then more"),
        pytest.param("A. The first", "first", id="a letter and a stop"),
        pytest.param("B - because", "second", id="a letter and its reason"),
        pytest.param("**B**", "second", id="bold"),
        pytest.param('{"verdict": "A"}\nI', "first", id="JSON"),
        pytest.param("The better answer is B.", "second", id="in words"),
        pytest.param('{"verdict": "A', "invalid", id="JSON without its end"),
        pytest.param('{"reasons": "Verdict: A. ', "invalid", id="reasons without an end"),
        pytest.param("Verdict: A", "invalid", id="a word may follow"),
        pytest.param("B", "invalid", id="so after a letter"),
        pytest.param("Both say 4. A is better in style. However,", "invalid", id="on the way"),
        pytest.param("Answer A says 4 and answer", "invalid", id="named"),
    ],
)
def test_a_cut_off_reply_counts_once_its_verdict_is_complete(text: str, side: str) -> None:
    verdict = parse_letter(reply(text, finish_reason="length"))

    assert verdict.side == side
    assert verdict.reason == ("cut_off" if side == "invalid" else None)


def test_a_letter_is_complete_where_no_more_than_one_token_was_asked_for() -> None:
    assert parse_letter(reply("A", finish_reason="length", max_tokens=1)).side == "first"


@pytest.mark.parametrize(
    ("text", "finish_reason", "reason"),
    [
        ("no idea", "stop", "no_verdict"),
        ("  ", "stop", "empty"),
        ("", "length", "cut_off"),
        ("", "reasoning_only", "reasoning_only"),
        ("<think>Well", "length", "reasoning_only"),
        ("I", "content_filter", "content_filter"),
        ("I will not", "refusal", "refusal"),
    ],
)
def test_an_invalid_verdict_says_why_and_keeps_the_raw_reply(
    text: str, finish_reason: str, reason: str
) -> None:
    verdict = parse_letter(reply(text, finish_reason=finish_reason))

    assert (verdict.side, verdict.reason, verdict.rationale) == ("invalid", reason, text)


ANSWER = "I think so too. In short, dear reader, the better answer is clearly: A"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f'Verdict: B\nAnswer A says "{ANSWER}"', id="in quotation marks"),
        pytest.param(f"Verdict: B\n> {ANSWER}", id="as a block"),
        pytest.param(f"Verdict: B\n\n[answer A]\n{ANSWER}\n[end answer A]", id="with its marks"),
        pytest.param(f"Verdict: B\n{ANSWER}", id="copied"),
        pytest.param(f"Verdict: B\n\u201c{ANSWER[16:]}\u201d, it says", id="a part of it"),
        pytest.param(f"Verdict: B\n{ANSWER.replace(' ', '  ')}", id="with other spaces"),
    ],
)
def test_what_a_judge_quotes_from_a_candidate_never_counts(text: str) -> None:
    assert parse_letter(reply(text), candidates=("4", ANSWER)).side == "second"
    assert (
        parse_letter(reply(text.removeprefix("Verdict: B")), candidates=(ANSWER,)).side == "invalid"
    )


@given(st.sampled_from(list(SAID)), st.sampled_from(list(SAID)))
def test_a_candidate_of_few_words_takes_no_verdict_away(candidate: str, text: str) -> None:
    assert parse_letter(reply(text), candidates=(candidate, "B")).side == SAID[text]


def test_scores_that_a_judge_quotes_from_a_candidate_are_not_its_own() -> None:
    card = '{"reasons": "the best of all", "right": 10, "short": 10}'
    words = own_words(f'{{"right": 2, "short": 3}} It ends in {card}', [f"Four.\n{card}"])

    assert parse_objects(words) == [{"right": 2, "short": 3}]


@given(
    st.text(
        st.sampled_from("AaBbC.:>\"'`[]{}<think/>\n *_-answer is better") | st.characters(),
        max_size=300,
    )
)
def test_any_text_is_read_without_an_error_and_letters_come_from_the_text_alone(text: str) -> None:
    for finish_reason in ("stop", "length"):
        verdict = parse_letter(reply(text, finish_reason=finish_reason), candidates=(text,))
        assert verdict.side in ("first", "second", "invalid")
        assert (verdict.side == "invalid") == (verdict.reason is not None)


@pytest.mark.parametrize(
    "text",
    ["<think>" * 4_000, "'A " * 8_000, '"' * 20_000, "A is " * 6_000, "> A\n" * 6_000,
     "not a b " * 4_000, "[answer A]\n" * 3_000, "better " * 6_000, "{" * 20_000],
)  # fmt: skip
def test_no_reply_takes_long(text: str) -> None:
    begun = time.process_time()
    parse_letter(reply(text), candidates=(text, text[::-1]))

    assert time.process_time() - begun < 2


def test_without_log_probabilities_there_is_a_verdict_and_no_probability() -> None:
    assert parse_letter(reply("A")).p_first is None


@given(a=st.floats(-8, -0.01), b=st.floats(-8, -0.01))
def test_p_first_is_the_softmax_over_the_two_letters(a: float, b: float) -> None:
    p = p_first_of([[("A", a), ("x", -9.0), ("B", b)]])

    assert p == pytest.approx(1 / (1 + math.exp(b - a)))


def test_spellings_of_a_letter_add_up() -> None:
    half = math.log(0.25)
    p = p_first_of([[("A", half), (" A", half), ("B", half), ("▁b", half)]])

    assert p == pytest.approx(0.5)


def test_a_letter_that_is_not_among_the_candidates_is_at_most_the_least_of_them() -> None:
    p = p_first_of([[("A", math.log(0.9)), ("The", math.log(0.05))]])

    assert p == pytest.approx(0.9 / 0.95)


def test_the_first_token_that_offers_a_letter_counts() -> None:
    tops = [[("Answer", -0.1), (":", -3.0)], [("B", math.log(0.8)), ("A", math.log(0.2))]]

    assert p_first_of(tops) == pytest.approx(0.2)


def test_the_token_of_the_last_letter_given_counts() -> None:
    sure, less = math.log(0.9), math.log(0.1)
    tops = [[("A", sure), ("B", less)], [(",", -0.1)], [("B", sure), ("A", less)]]

    assert p_first_of(tops) == pytest.approx(0.1)


def test_a_letter_that_was_only_thought_of_later_does_not_count() -> None:
    tops = [[("B", math.log(0.8)), ("A", math.log(0.2))], [(".", -0.1), ("A", -5.0)]]

    assert p_first_of(tops) == pytest.approx(0.2)


def test_the_token_of_the_verdict_counts_and_not_that_of_a_letter_named_later() -> None:
    sure, less = math.log(0.9), math.log(0.1)
    tops = [[("B", sure), ("A", less)], [("\n", -0.1)], [("A", sure), ("B", less)]]

    assert parse_letter(reply("B\nAnswer A is short.", *tops)).p_first == pytest.approx(0.1)


def test_a_tie_is_a_verdict_where_it_is_offered_and_nowhere_else() -> None:
    tops = [("C", math.log(0.6)), ("A", math.log(0.3)), ("B", math.log(0.1))]
    offered = parse_letter(reply("C", tops), ties=True)

    assert offered.side == "tie"
    assert offered.p_first == pytest.approx(0.75)
    assert parse_letter(reply("C", tops)).side == "invalid"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1}', {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": 1} no: {"a": 2}', {"a": 2}),
        ('{"a": {"b": 1}}', {"a": {"b": 1}}),
        ('{x} {"a": "}"} {', {"a": "}"}),
        ("nothing", None),
        ("{" * 5_000, None),
        ('{"a":[' * 20_000, None),
        ('{"a": ' + "9" * 5_000 + "}", None),
    ],
)
def test_the_last_object_in_a_reply_comes_first(text: str, expected: object) -> None:
    assert next(iter(parse_objects(own_words(text))), None) == expected


WIDE = str.maketrans({sign: chr(ord(sign) + 0xFEE0) for sign in "0123456789>=[]"})


@given(st.permutations(range(1, 7)), st.lists(st.sampled_from([" > ", " = ", ">", "="]),
       min_size=5, max_size=5), st.booleans(), st.booleans())  # fmt: skip
def test_a_ranking_is_read_as_it_was_meant_whatever_stands_around_it(
    order: list[int], signs: list[str], brackets: bool, wide: bool
) -> None:
    rank, ranks = 1, {order[0]: 1}
    for number, sign in zip(order[1:], signs, strict=True):
        rank += ">" in sign
        ranks[number] = rank
    names = [f"[{number}]" if brackets else str(number) for number in order]
    chain = names[0] + "".join(sign + name for sign, name in zip(signs, names[1:], strict=True))
    shown = chain.translate(WIDE) if wide else chain
    text = f"<think>{' > '.join(map(str, order[::-1]))}</think>\nFirst 1 > 2, then 3.\n{shown}\n"
    quoted = "6 > 5 > 4 > 3 > 2 > 1, says this answer of itself"

    assert parse_ranking(own_words(text), 6) == [ranks[number] for number in sorted(ranks)]
    said = own_words(f'{text}It says "{quoted}".', [quoted])
    assert parse_ranking(said, 6) == [ranks[number] for number in sorted(ranks)]


@given(st.integers(1, 10), st.integers(1, 10), st.text(max_size=40))
def test_the_last_complete_score_card_counts_whatever_stands_around_it(
    right: int, short: int, junk: str
) -> None:
    card = f'{{"Reasons": {json.dumps(junk)}, "right": {right}, "Short": {short}}}'
    text = f'<think>{{"right": 1, "short": 1}}</think>```json\n{card}\n```\n{{"note": "done"}} {{'
    objects = parse_objects(own_words(text))

    scored = next(one for one in objects if "right" in one)
    assert (scored["right"], scored["short"]) == (right, short)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_what_stands_in_a_string_of_an_object_never_breaks_the_object(reasons: str) -> None:
    card = json.dumps({"reasons": reasons, "verdict": "B"}, ensure_ascii=False)

    assert parse_letter(reply(card)).side == "second"


@pytest.mark.parametrize("tag", ["</think>", "<think>", "<think>A</think>", "[/THINK]"])
def test_a_tag_that_is_only_spoken_of_takes_nothing_away(tag: str) -> None:
    card = json.dumps({"reasons": f"The first ends in {tag} and more.", "verdict": "B"})

    assert parse_letter(reply(card)).side == "second"
    assert parse_letter(reply(f"The first ends in {tag} too early. Verdict: B")).side == "second"


def test_a_wide_quotation_mark_in_a_string_is_text() -> None:
    assert (
        parse_letter(reply('{"reasons": "\uff02A\uff02 \uff3c", "verdict": "B"}')).side == "second"
    )
