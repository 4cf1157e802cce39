from __future__ import annotations

import pytest

from tasks.judge.refusals import is_boilerplate, is_refusal


@pytest.mark.parametrize(
    "text",
    [
        "I'm sorry, I can't help with that.",
        "I\u2019m sorry, but I cannot assist with this request.",
        "I apologize, but I don't feel comfortable writing that.",
        "As an AI language model, I cannot form opinions.",
        "I must respectfully decline.",
        "Unfortunately I do not have enough context to answer.",
        "I cannot provide instructions for that.",
        "Lo siento, no puedo ayudar con eso.",
        "抱歉，我无法回答这个问题。",
    ],
)
def test_no_more_than_a_refusal_is_one(text: str) -> None:
    assert is_refusal(text)
    assert is_boilerplate(text)


@pytest.mark.parametrize(
    "text",
    [
        "Yes.",
        "I can help with that: water it twice a week.",
        "I'm sorry to hear that your cat is ill. Take it to a vet, and keep it warm until then.",
        "I cannot browse the internet, but here is what I know: it opened in 1889.",
        "I'm sorry, I can't say for sure. These are likely:\n\n1. rain\n2. wind",
        "Sorry seems to be the hardest word is a song by Elton John.",
        "I don't like green eggs and ham.",
        "",
    ],
)
def test_an_answer_is_no_refusal(text: str) -> None:
    assert not is_refusal(text)


def test_a_question_for_what_is_missing_is_boilerplate_and_no_refusal() -> None:
    text = "Could you please provide the text that you would like me to summarise?"

    assert is_boilerplate(text)
    assert not is_refusal(text)
