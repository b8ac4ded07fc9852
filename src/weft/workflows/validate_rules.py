"""The rules of ``weft validate`` by name, for those who tell of them."""

from __future__ import annotations

from weft.errors import UsageFault
from weft.pipeline.validate.registry import INTEGRITY, PHASES, RULES, Rule
from weft.pipeline.validate.violations import Violation

__all__ = ["INTEGRITY", "PHASES", "RULES", "Rule", "Violation", "explain"]


def explain(name: str) -> Rule:
    """The rule that ``name`` means: WEFT013, weft13 or 13. Raises ``UsageFault``."""
    digits = name.upper().removeprefix("WEFT")
    rule = RULES.get(f"WEFT{int(digits):03d}") if digits.isascii() and digits.isdecimal() and len(digits) < 6 else None
    if rule is None:
        raise UsageFault(f"there is no rule {name!a}", hint=f"name one from {min(RULES)} to {max(RULES)}")
    return rule
