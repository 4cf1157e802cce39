"""What a prompt asks for, as far as it makes honest what would be an attack elsewhere."""

from __future__ import annotations

import re

_SIDES = r"(?:answers?|responses?|repl(?:y|ies)|outputs?|completions?|candidates?|submissions?)"
_TOPICS = {
    "judging": r"\b(?:judges?|judging|verdicts?|evaluators?|graders?|raters?|rubrics?|referees?"
    r"|arbiters?"
    r"|annotators?|jury|llms?|peer review\w*|moderators?)\b"
    rf"|\b(?:evaluate|compare|rank|grade|rate|score|assess|judge"
    rf"|mark)\b[^.?!\n]{{0,60}}\b{_SIDES}\b"
    rf"|\bwhich (?:of (?:the|these) )?(?:\w+ )?(?:{_SIDES}|one)\b[^.?!\n]{{0,40}}\b(?:better|best"
    rf"|prefer\w*)"
    rf"|\b(?:better|best|two|both) {_SIDES}\b|\b(?:answers?|responses?|assistant|output)"
    rf" \(?[AB12]\)?\s*[:.]"
    r"|richter|juge|juez|juiz|giudice|судь|评委|评审|審査|裁判",
    "injection": r"\binjections?\b|jailbr[eo]ak|\badversarial|\bred.?team|system prompt"
    r"|\b(?:ignore|disregard|forget)\b[^.\n]{0,40}\b(?:previous|above|prior|earlier|instructions?)",
    "scoring": r"\b(?:rat(?:e|ing|ings) |scor(?:e|es|ing)\b|grading|grade (?:the|this|my)|marks?"
    r" out|evaluate"
    r" (?:the|this|my)|assess (?:the|this|my)|critique|out of (?:5|10|100|ten|five))",
    "checking": r"\b(?:check (?:this|my|if|whether|(?:the|that|his|her) (?:answer|text|sentence))"
    r"|proofread|grammar\w*|feedback|critique|compliments?|testimonials?|slogans?"
    r"|advert\w*|evaluate|assess|verify|reviews?|(?:answer|solution|response|reasoning) (?:correct"
    r"|right)"
    r"|(?:correct|right) or (?:wrong|incorrect|not)|self-\w+)\b",
    "dialogue": r"\b(?:dialog(?:ue)?s?|conversations?|chats?|scripts?|screenplay|interview"
    r"|role.?play"
    r"|transcripts?|skit|human|assistant|chatbots?|debate|training data)\b",
    "templates": r"\b(?:chat.?ml|chat templates?|prompt (?:templates?|formats?)|tokeni[sz]ers?"
    r"|special tokens?|fine-?tun\w+|llama|mistral|delimiters?|stop (?:tokens?|sequences?)"
    r"|instruct(?:ion)? (?:format|tuning|datasets?)|control tokens?)\b|<\||\[/?INST|###",
    "markup": r"\b(?:html|css|xml|svg|markup|markdown|latex|front-?end|react|vue|angular|javascript"
    r"|jsx"
    r"|web ?(?:site|page)s?|landing page|modal|jinja|php|django|flask|wordpress|divs?|tags)\b|</",
    "coding": r"\b(?:encod\w*|decod\w*|base ?64|rot ?13|caesar|ciphers?|encrypt\w*|decrypt\w*|hex"
    r"|hexadecimal"
    r"|binary|ascii|unicode|leet\w*|1337|obfuscat\w*|revers(?:e|ed|ing)\b|backwards?|morse"
    r"|homoglyphs?"
    r"|fancy (?:text|letters|font)|urls?|percent.encod\w*|escape[sd]?|letter by letter|spaced out"
    r"|steganograph\w*|secret (?:message|code)|jwt|hash(?:es|ed)?|full.?width|char(?:acter)?"
    r" codes?)\b",
    "repetition": r"\b(?:repeat\w*|repetiti\w*|(?:\d+|hundred|thousand|many) times\b(?! \d)|ascii"
    r"|art|draw\w*|patterns?"
    r"|banner|lyrics|songs?|chant|mantra|lorem|spam|padding|whitespace|blank lines?|emojis?|digits"
    r"|sudoku|maze|grid)\b",
    "blanks": r"\b(?:white ?space|blanks?|padding|empty lines?|newlines?|spaces)\b",
    "listing": r"\b(?:adjectives?|synonyms?|antonyms?|keywords?|hash ?tags?|traits?|qualities"
    r"|values"
    r"|strengths|attributes|criteria|metrics|skills|virtues|list of (?:words|positive))\b",
    "copying": r"\b(?:repeat|copy|echo|verbatim|word for word|say exactly|recite|transcribe|parrot"
    r"|what did i (?:say|ask|write)|exactly as)\b",
    "hiding": r"\b(?:bidi\w*|right.to.left|rtl|unicode|invisible|hidden|hide|zero.?width|trojan"
    r"|control characters?|steganograph\w*)\b",
    "choice": r"(?:^|\s)\(?[AB][.):]|\b[mM]ultiple.choice\b",
}
_COMPILED = {
    topic: re.compile(pattern, 0 if topic == "choice" else re.IGNORECASE)
    for topic, pattern in _TOPICS.items()
}


def asks_for(prompt: str, *topics: str) -> bool:
    """Whether `prompt` speaks of any of `topics` (see `_TOPICS`)."""
    return any(_COMPILED[topic].search(prompt) for topic in topics)
