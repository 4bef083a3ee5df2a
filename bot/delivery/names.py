"""Names that Discord accepts for webhooks: 1 to 80 characters, nothing reserved (resources, webhook)."""

import re

from actors.reply.chunks import length

LONGEST = 80
_RESERVED = re.compile(r"clyde|discord", re.IGNORECASE)
_UNNAMED = "Character"


def acceptable(name: str) -> str:
    """Return `name`, changed as little as Discord allows.

    A reserved word gets a dot in its middle, because Discord strips what cannot be seen; a long name ends in
    an ellipsis.
    """
    name = " ".join(name.split()) or _UNNAMED
    name = _RESERVED.sub(lambda word: f"{word[0][:3]}·{word[0][3:]}", name)
    if length(name) <= LONGEST:
        return name
    while length(name) >= LONGEST:
        name = name[:-1]
    return name.rstrip() + "…"
