"""A server's limits in virtual time: what the delivery's limits are played against."""

import asyncio

from bot.delivery.calls import Call, Told
from sandbox.calls import Call as SandboxCall
from sandbox.limits import Limiter, Limits

KINDS = {"execute": "webhook_execute", "edit": "webhook_edit", "delete": "webhook_delete"}


class LimitedServer:
    """Answers as the local Discord would, a little later; counts what it refused.

    Args:
        limits: the limits.
        way_s: seconds that a request and its answer take each.
    """

    def __init__(self, limits: Limits, way_s: float = 0.02) -> None:
        self._limiter = Limiter(limits)
        self._way_s = way_s
        self.refused: list[str] = []
        self.passed: list[float] = []

    async def answer(self, call: Call) -> Told:
        """Take a request and return what its headers say."""
        await asyncio.sleep(self._way_s)
        now = asyncio.get_running_loop().time()
        verdict = self._limiter.check(_as_the_server_sees_it(call), now, now)
        await asyncio.sleep(self._way_s)
        headers = verdict.headers
        if verdict.retry_after is None:
            self.passed.append(now)
        else:
            self.refused.append(verdict.scope)
        limit = headers.get("X-RateLimit-Limit")
        return Told(
            status=200 if verdict.retry_after is None else 429,
            limit=None if limit is None else int(limit),
            remaining=int(headers.get("X-RateLimit-Remaining", "0")),
            reset_after=float(headers.get("X-RateLimit-Reset-After", "0")),
            bucket=headers.get("X-RateLimit-Bucket", ""),
            scope="" if verdict.retry_after is None else verdict.scope,
            retry_after=verdict.retry_after or 0.0,
        )


def _as_the_server_sees_it(call: Call) -> SandboxCall:
    return SandboxCall(
        method=call.method,
        path=call.path,
        route=f"{call.method} {call.path}",
        kind=KINDS.get(call.kind, "other"),
        channel_id=call.channel_id,
        webhook_id=call.webhook_id,
    )
