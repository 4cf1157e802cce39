"""Responses that attack a model judge, found before they are judged.

findings.py   what a detector sees and says
wording.py    words to the judge, in many languages
structure.py  false delimiters and turns, and the forms of a verdict
hidden.py     what a reader does not see, and words in a code
filler.py     praise, floods and echoes in place of an answer
corpus.py     one text for many prompts, answers off their topic
scan.py       all responses of a run: each alone, and beside the others
"""

from tasks.judge.attacks.findings import Finding, Kind
from tasks.judge.attacks.scan import attack_figures, find_attack, find_attacks, scan_attacks

__all__ = ["Finding", "Kind", "attack_figures", "find_attack", "find_attacks", "scan_attacks"]
