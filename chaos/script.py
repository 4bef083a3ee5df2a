"""What the model says: each sentence is marked, so that each visible word can be told from any other."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tests.scripted_model import Reply

TAG = re.compile(r"q\d{5}q")
MARK = re.compile(r"(q\d{5}q)\.(\d\d)")
SENTENCES = (2, 6, 36)
"""Answers are short, middling, or longer than one message of Discord."""
RATES = (30.0, 40.0, 400.0)
FIRST_TOKEN_S = 0.1


def tag_of(number: int) -> str:
    """Return the mark of a message of a person."""
    return f"q{number:05d}q"


def answer_to(tag: str) -> str:
    """Return all that is said to a message."""
    return " ".join(
        f"{tag}.{place:02d} the lamp in the harbour burns all night and nobody asks who lights it."
        for place in range(SENTENCES[_size(tag)])
    )


def speaker_of(body: Mapping[str, Any], names: Sequence[str]) -> str | None:
    """Return whose answer a prompt asks for, out of these names."""
    return next((name for name in names if f"You are {name}," in str(body)), None)


def reply_to(body: Mapping[str, Any]) -> Reply:
    """Answer the newest message in a prompt; a prompt without any is a defect, and is answered as one."""
    tags = TAG.findall(str(body))
    if not tags:
        return Reply(text="Nobody has asked anything.")
    return Reply(text=answer_to(tags[-1]), first_token_s=FIRST_TOKEN_S, rate=RATES[_size(tags[-1])])


def model_s(tag: str) -> float:
    """Return the seconds that the model takes over an answer."""
    return FIRST_TOKEN_S + len(answer_to(tag).split()) / RATES[_size(tag)]


def _size(tag: str) -> int:
    return int(tag[1:6]) % len(SENTENCES)
