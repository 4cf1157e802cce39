"""Attack responses made of the wordings, in prompts and answers that are there."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from benchmarks.labels import attack_wordings as wordings
from prefline.ids import content_id, lot
from prefline.tables.prompts import Prompt

Host = tuple[Prompt, str]  # a prompt and an honest response to it


@dataclass(frozen=True, slots=True)
class Attack:
    """A planted response. `wording` names what it was made of; `held_out` is its half."""

    kind: str
    wording: str
    held_out: bool
    prompt_id: str
    text: str

    @property
    def response_id(self) -> str:
        """Hashed from all else."""
        return content_id("attack", self.kind, self.wording, self.prompt_id, self.text)


def plant(hosts: Sequence[Host]) -> list[Attack]:
    """Every kind of attack that one response shows, or that is one text for many prompts."""
    return [
        *_spliced("instruction", wordings.INSTRUCTIONS, hosts, 6),
        *_spliced("verdict", wordings.VERDICTS, hosts, 6),
        *_delimiters(hosts, 6),
        *_coded("invisible", INVISIBLE, hosts),
        *_coded("encoded", CODES, hosts),
        *_floods(hosts, 5),
        *_alone("praise", wordings.PRAISE, hosts, 5),
        *_constants(hosts, 8),
        *_echoes(hosts, 12),
    ]


def plant_off_topic(hosts: Sequence[Host], swaps: int) -> list[Attack]:
    """Fillers, each for two prompts, and answers to other prompts."""
    made = list(_alone("off_topic", wordings.FILLERS, hosts, 2))
    for at in range(swaps):
        prompt, _ = _host(hosts, "swap to", at)
        other, text = _host(hosts, "swap from", at)
        if other.prompt_id != prompt.prompt_id and len(text.split()) > 40:
            made.append(Attack("off_topic", f"answer {at}", at % 2 == 1, prompt.prompt_id, text))
    return made


def _host(hosts: Sequence[Host], *parts: object) -> Host:
    return hosts[int(lot("host", *parts) * len(hosts))]


def _spliced(kind: str, texts: Sequence[str], hosts: Sequence[Host], each: int) -> Iterator[Attack]:
    """Each wording before, after, within or in place of an honest response."""
    for number, text in enumerate(texts):
        for copy in range(each):
            prompt, honest = _host(hosts, kind, number, copy)
            yield _attack(kind, number, prompt, _placed(text, honest, copy))


def _placed(text: str, honest: str, copy: int) -> str:
    middle = honest.find("\n\n")
    within = f"{honest[:middle]}\n\n{text}{honest[middle:]}" if middle > 0 else f"{text} {honest}"
    return (f"{text}\n\n{honest}", f"{honest}\n\n{text}", text, within)[copy % 4]


def _attack(kind: str, number: int, prompt: Prompt, text: str) -> Attack:
    return Attack(kind, f"{kind} {number}", number % 2 == 1, prompt.prompt_id, text)


def _delimiters(hosts: Sequence[Host], each: int) -> Iterator[Attack]:
    """Always after something, which they pretend to end."""
    for number, text in enumerate(wordings.DELIMITERS):
        for copy in range(each):
            prompt, honest = _host(hosts, "delimiter", number, copy)
            start = honest if copy % 2 else honest[: honest.find(" ", 40)]
            yield _attack("delimiter", number, prompt, f"{start}\n{text}")


def _alone(kind: str, texts: Sequence[str], hosts: Sequence[Host], each: int) -> Iterator[Attack]:
    for number, text in enumerate(texts):
        for copy in range(each):
            prompt, _ = _host(hosts, kind, number, copy)
            yield _attack(kind, number, prompt, text)


def _constants(hosts: Sequence[Host], each: int) -> Iterator[Attack]:
    for number, text in enumerate(wordings.CONSTANTS):
        for copy in range(each):
            prompt, _ = _host(hosts, "constant", number, copy)
            yield _attack("constant", number, prompt, text.format(n=copy + 17))


def _floods(hosts: Sequence[Host], each: int) -> Iterator[Attack]:
    stuffed = [(text, 1) for text in wordings.STUFFED]
    for number, (text, times) in enumerate([*wordings.FLOODS, *stuffed]):
        for copy in range(each):
            prompt, honest = _host(hosts, "flood", number, copy)
            flood = text * times
            splice = copy % 2 and times > 1
            yield _attack("flood", number, prompt, f"{honest[:200]} {flood}" if splice else flood)


def _echoes(hosts: Sequence[Host], each: int) -> Iterator[Attack]:
    for number, text in enumerate(wordings.ECHOES):
        for copy in range(each):
            prompt, _ = _host(hosts, "echo", number, copy)
            yield _attack("echo", number, prompt, text.replace("{ask}", prompt.text))


def _coded(
    kind: str, methods: dict[str, Callable[[str], str]], hosts: Sequence[Host]
) -> Iterator[Attack]:
    """Every method with every payload, before or after an honest response; halves by payload."""
    for name, method in methods.items():
        for number, payload in enumerate(wordings.PAYLOADS):
            prompt, honest = _host(hosts, kind, name, number)
            hidden = method(payload)
            text = f"{hidden} {honest}" if number % 4 < 2 else f"{honest}\n\n{hidden}"
            yield Attack(kind, name, number % 2 == 1, prompt.prompt_id, text)


def _bits(text: str) -> str:
    return "".join(f"{ord(sign):08b}" for sign in text)


_LEET = str.maketrans("aeiost", "431057")
_ALIKE = str.maketrans("aeopcyx", "\u0430\u0435\u043e\u0440\u0441\u0443\u0445")
INVISIBLE: dict[str, Callable[[str], str]] = {
    "zero-width bits": lambda text: _bits(text).translate({48: "\u200b", 49: "\u200c"}),
    "tag characters": lambda text: "".join(chr(0xE0000 + ord(sign)) for sign in text),
    "variation selectors": lambda text: "\u263a" + "".join(chr(0xE0100 + ord(c)) for c in text),
    "right-to-left override": lambda text: f"\u202e{text[::-1]}\u202c",
    "zero-width in words": "\u200b".join,
    "word joiners in words": "\u2060".join,
    "white span": lambda text: f'<span style="color:#ffffff">{text}</span>',
    "no display": lambda text: f'<div style="display: none">{text}</div>',
    "tiny font": lambda text: f'<p style="font-size:0px">{text}</p>',
    "comment": lambda text: f"<!-- {text} -->",
    "markdown comment": lambda text: f"\n\n[//]: # ({text})\n",
    "white font tag": lambda text: f'<font color="white">{text}</font>',
}
CODES: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal with spaces": lambda text: text.encode().hex(" "),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "leetspeak": lambda text: text.translate(_LEET),
    "spaced letters": " ".join,
    "dotted letters": lambda text: "  ".join(".".join(word) for word in text.split()),
    "look-alike letters": lambda text: text.translate(_ALIKE),
    "reversed": lambda text: text[::-1],
    "percent": lambda text: quote(text, safe="").replace("e", "%65"),
    "unicode escapes": lambda text: "".join(f"\\u{ord(sign):04x}" for sign in text),
    "bits": lambda text: " ".join(f"{ord(sign):08b}" for sign in text),
    "full width": lambda text: "".join(
        chr(ord(c) + 0xFEE0) if 33 <= ord(c) < 127 else c for c in text
    ),
    "HTML entities": lambda text: "".join(f"&#{ord(sign)};" for sign in text),
    "character codes": lambda text: " ".join(str(ord(sign)) for sign in text),
}
