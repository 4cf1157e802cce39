"""Responses that refuse, and those that only ask for what is missing."""

from __future__ import annotations

import re

_OPENING = 240  # characters in which a refusal shows itself
_MOST_WORDS = 130  # a longer text says more than no
_SORRY = (
    r"(?:i(?:'m| am) (?:really |very |so |truly )?sorry|sorry|i apologi[sz]e|my apologies|apologies"
    r"|unfortunately|regrettably)"
)
_NOT = (
    r"(?:can(?:'t|not| not)|could(?:n't| not)|won't|will not|(?:am|'m|was) (?:not able|unable|not"
    r" allowed"
    r"|not permitted|not going|not comfortable|not in a position)|(?:do not|don't) (?:feel"
    r" comfortable|think"
    r" (?:it|i|that)|have (?:the|any|access|enough|sufficient|personal|real|information|specific"
    r"|current))"
    r"|(?:must|have to|need to|should|would) (?:not|respectfully )?(?:decline|refuse|prefer not)"
    r"|(?:should|would) not|(?:respectfully )?(?:decline|refuse)|(?:would )?(?:rather|prefer) not"
    r"|lack|(?:do not|don't) (?:actually )?know)"
)
_REFUSAL = re.compile(
    rf"^\W*(?:{_SORRY}\b(?! to hear| for your)[^.!?\n]{{0,80}}?\b{_NOT}\b"
    rf"|(?:as an? (?:ai|large|language|artificial|assistant)[^.!?\n]{{0,60}}[,]? )?(?:but |well, "
    rf"|no, |however, )?"
    rf"i(?: (?:really|simply|just|actually|also))?(?:'m| am)? ?{_NOT}"
    r"|i(?:'m| am) (?:afraid|unable|not able|not sure (?:i|what)|just an? (?:ai|language))"
    r"|it (?:is|would be) (?:not (?:appropriate|ethical|possible|safe)|inappropriate|unethical"
    r"|against)"
    r"|(?:this|that|your) (?:request|prompt|question|instruction|text|query)s?"
    r" (?:is|does|goes|asks|lacks|contains|cannot|violates)[^.\n]{0,80}\b(?:not|cannot"
    r"|inappropriate|against|violat\w+|harmful|illegal|unable|unsafe)"
    r"|(?:the|this) (?:text|prompt|passage|context) (?:does not|doesn't) (?:provide|contain|include"
    r"|mention|describe|specify)"
    r"|(?:lo siento|lo lamento|je suis désolée?|désolée?,|es tut mir leid|tut mir leid|mi dispiace"
    r"|desculpe|sinto muito|извините|к сожалению|抱歉|对不起|很抱歉|申し訳|すみません|죄송"
    r"|عذر|آسف|متأسف|मुझे खेद"
    r"|क्षमा करें|üzgünüm|przykro mi|het spijt me))",
    re.IGNORECASE,
)
_YET = re.compile(
    r"\b(?:here(?:'s| is| are)\b|however,? (?:i can|here)|that said,|but i can\b(?!'t|not| not)"
    r"|instead,? (?:here|i)|i can (?:still|offer|tell|provide)"
    r"|based on (?:the|my))|```|^\s*(?:[-*\u2022]|\d+[.)])\s",
    re.IGNORECASE | re.MULTILINE,
)
_ASKS = re.compile(
    r"\b(?:(?:could|can|would) you (?:please )?(?:provide|clarify|share|give|specify|tell|rephrase)"
    r"|please (?:provide|share|paste|specify|clarify|give|include|let me know|enter|upload|tell)"
    r"|(?:need|require|provide) (?:more|additional|further) (?:information|context|details)"
    r"|how (?:can|may) i (?:help|assist)|what (?:can|would you like)|feel free to (?:ask|share"
    r"|provide))",
    re.IGNORECASE,
)
_MOST_ASKING = 80  # words of a text that only asks for more


def is_refusal(text: str) -> bool:
    """Whether a response is no more than a refusal to answer, in its opening words.

    A refusal that goes on to help, with an offer, a list or code, is an answer.
    """
    text = text.replace("\u2019", "'").strip()
    if not _REFUSAL.search(text[:_OPENING]):
        return False
    return len(text.split()) <= _MOST_WORDS and not _YET.search(text)


def is_boilerplate(text: str) -> bool:
    """Whether a text is honestly the same for many prompts: a refusal, or a question for what is
    missing."""
    short = len(text) <= 12 * _MOST_ASKING
    asks = short and len(text.split()) <= _MOST_ASKING and _ASKS.search(text) is not None
    return asks or is_refusal(text)
