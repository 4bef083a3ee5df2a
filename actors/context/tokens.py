"""Estimating tokens without a tokenizer, by classes of characters; errs on the large side."""

import re
from functools import lru_cache

TOKENS_PER = (
    (re.compile(r"[A-Za-z]"), 0.26),
    (re.compile(r"[0-9]"), 0.6),
    (re.compile(r"[ \t]"), 0.05),
    (re.compile(r"[\n!-/:-@\[-`{-~]"), 0.7),
    (re.compile(r"[\u00a0-\u024f]"), 0.9),
    (re.compile(r"[\u0370-\u1fff]"), 0.6),
    (re.compile(r"[\u2000-\u2bff]"), 1.5),
    (re.compile(r"[\u2c00-\uffff]"), 1.6),
    (re.compile(r"[\U00010000-\U0010ffff]"), 3.0),
)
"""Calibrated on English, German, Russian and Japanese text; a provider's own count corrects it later."""


@lru_cache(maxsize=8192)
def estimate_tokens(text: str) -> int:
    """Return about how many tokens a current model's tokenizer makes of `text`."""
    return 1 + round(sum(len(chars.findall(text)) * weight for chars, weight in TOKENS_PER))
