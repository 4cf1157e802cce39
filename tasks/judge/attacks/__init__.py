"""Responses that attack a model judge, found before they are judged."""

from tasks.judge.attacks.finding import Finding, Kind
from tasks.judge.attacks.scan import attack_figures, find_attack, find_attacks

__all__ = ["Finding", "Kind", "attack_figures", "find_attack", "find_attacks"]
