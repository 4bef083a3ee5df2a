"""Who keeps whom alive: supervisors in the manner of Erlang/OTP, over anything that starts and ends."""

from supervision.breaker import Breaker, BreakerPolicy, BreakerState
from supervision.child import Branching, Child, Inspectable, Running, Vitals
from supervision.errors import (
    EXIT_SOFTWARE,
    BufferFullError,
    CircuitOpenError,
    EscalatedError,
    QueueFullError,
    StartTimeoutError,
    SupervisionError,
)
from supervision.gate import Gate, GatePolicy, Pass
from supervision.handle import Bearer, Handle
from supervision.limiter import AdaptiveLimit, LimitPolicy
from supervision.policy import ENDLESS, Backoff, Policy, Restart, Strategy
from supervision.process import ProcessFailedError, process_child
from supervision.resource import resource_child
from supervision.supervisor import Down, Supervisor, supervisor_child
from supervision.task import task_child
from supervision.tree import Node, render

__all__ = [
    "ENDLESS",
    "EXIT_SOFTWARE",
    "AdaptiveLimit",
    "Backoff",
    "Bearer",
    "Branching",
    "Breaker",
    "BreakerPolicy",
    "BreakerState",
    "BufferFullError",
    "Child",
    "CircuitOpenError",
    "Down",
    "EscalatedError",
    "Gate",
    "GatePolicy",
    "Handle",
    "Inspectable",
    "LimitPolicy",
    "Node",
    "Pass",
    "Policy",
    "ProcessFailedError",
    "QueueFullError",
    "Restart",
    "Running",
    "StartTimeoutError",
    "Strategy",
    "SupervisionError",
    "Supervisor",
    "Vitals",
    "process_child",
    "render",
    "resource_child",
    "supervisor_child",
    "task_child",
]
