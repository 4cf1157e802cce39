"""What a prompt asks for, as far as it makes honest what would be an attack elsewhere."""

from __future__ import annotations

import re
from functools import lru_cache

_SIDES = r"(?:answers?|responses?|repl(?:y|ies)|outputs?|completions?|candidates?|submissions?)"
_TOPICS = {
    # Judging, grading and comparing; injection and jailbreaks.
    "judging": r"\b(?:judge[sd]?|judging|judg(?:e)?ment|verdict|evaluators?|graders?|grading|raters?"
    r"|rubrics?|referee|arbiter|reviewers?|examiners?|annotators?|llm|peer review|jury|courts?"
    r"|trial|contest|essay questions?)\b"
    rf"|\b(?:evaluat|compar|rank|grad|rat|scor|assess|judg|mark)\w*\b[^.\n]{{0,60}}\b{_SIDES}\b"
    rf"|\bwhich\b[^.\n]{{0,40}}\b(?:{_SIDES}|better|best)\b|\bbetter {_SIDES}\b"
    r"|richter|juge|juez|juiz|giudice|\u0441\u0443\u0434\u044c|\u8bc4\u59d4|\u8bc4\u5ba1"
    r"|\u5be9\u67fb|\u88c1\u5224",
    "injection": r"\binjection|jailbreak|\badversarial|\bred.?team|system prompt"
    r"|\b(?:ignore|disregard|forget)\b[^.\n]{0,40}\b(?:previous|above|prior|earlier|instructions?)",
    "scoring": r"\b(?:rat(?:e|ing|ings)|scor(?:e|es|ed|ing)|grad(?:e|es|ed|ing)|marks?|review(?:s|ed)?"
    r"|evaluat\w+|assess\w*|feedback|critique|criti[cq]\w+|rank\w*|testimonials?|quality)\b",
    "checking": r"\b(?:check|correct|proofread|grammar|edit|right or wrong|is (?:it|this|that)|true"
    r"|valid|verify|review|feedback|critique|praise|compliment|testimonials?|slogans?|advert\w*"
    r"|rate|evaluate|assess|self|confirm)\b",
    "dialogue": r"\b(?:dialog(?:ue)?s?|conversations?|chats?|scripts?|screenplay|interview|scenes?"
    r"|role.?play|transcript|skit|stor(?:y|ies)|plays?|humans?|assistant|user|bots?|chatbots?"
    r"|speaker|debate|training data|examples?|system)\b\s?:?",
    "templates": r"\b(?:chat.?ml|chat templates?|prompt (?:templates?|formats?)|tokeni[sz]ers?"
    r"|special tokens?|fine-?tun\w+|llama|mistral|delimiters?|stop (?:tokens?|sequences?)"
    r"|instruct(?:ion)? (?:format|tuning|dataset)s?|alpaca|jinja|control tokens?)\b",
    "markup": r"\b(?:html|css|xml|svg|web ?(?:site|page)s?|pages?|markup|markdown|latex|template"
    r"|front-?end|react|vue|angular|javascript|jsx|modal|tags?|buttons?|email template|code"
    r"|comments?|jinja|php|django|flask|wordpress|script|divs?)\b",
    "coding": r"\b(?:encod\w*|decod\w*|base ?64|rot ?13|caesar|cipher\w*|encrypt\w*|decrypt\w*"
    r"|hex\w*|binary|ascii|unicode|leet\w*|1337|obfuscat\w*|revers\w*|backwards?|morse|spell\w*"
    r"|homoglyphs?|font|fancy|url|percent|escape[sd]?|bytes?|letter by letter|spaced?|mirror"
    r"|acrostics?|secret|hidden|steganograph\w*|puzzle|token|jwt|certificate|hash\w*|full.?width)\b",
    "repetition": r"\b(?:repeat\w*|repetit\w*|times|loops?|pattern|ascii|art|draw\w*|print\w*|fill\w*"
    r"|pad\w*|long(?:est)?|spam|copies|hundred|thousand|lyrics|song|chant|poem|mantra|lorem|banner"
    r"|emojis?|line of|rows?|grid|table|list of|keywords?|hash ?tags?|tags|synonyms|adjectives"
    r"|words|lists?|digits|sequence|prime|fibonacci|traits|qualities|values|strengths|attributes"
    r"|name[sd]?|criteria|metrics)\b",
    "copying": r"\b(?:repeat|copy|copies|echo|quote|verbatim|word for word|say (?:exactly|this)|type"
    r"|recite|transcribe|write down|output (?:exactly|this)|return (?:exactly|this)|parrot"
    r"|prompt|what did i (?:say|ask|write)|my (?:question|message)|print)\b",
    "bidi": r"\b(?:bidi\w*|right.to.left|rtl|unicode|invisible|zero.?width|control characters?"
    r"|hidden|trojan|steganograph\w*|emojis?|flags?)\b",
    "choice": r"(?:^|\s)\(?[AB][.):]|\bmultiple.choice\b|\boptions?\b|\b(?:winner|decision)\b",
}
_COMPILED = {
    topic: re.compile(pattern, 0 if topic == "choice" else re.IGNORECASE)
    for topic, pattern in _TOPICS.items()
}


@lru_cache(maxsize=4096)
def asks_for(prompt: str, *topics: str) -> bool:
    """Whether `prompt` speaks of any of `topics` (see `_TOPICS`)."""
    return any(_COMPILED[topic].search(prompt) for topic in topics)
