"""Every Prometheus metric of the service, in one place, in a registry of its own."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from config.histograms import SwiftHistogram

REGISTRY = CollectorRegistry()
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0)
SWIFT_SECONDS = (1e-5, 2.5e-5, 1e-4, 2.5e-4, 1e-3, 2.5e-3, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0)
"""Buckets for what commonly takes microseconds."""

messages_seen = Counter("troupe_messages_seen", "Discord messages received", ["outcome"], registry=REGISTRY)
turns = Counter("troupe_turns", "Turns ended", ["outcome"], registry=REGISTRY)
turns_in_flight = Gauge("troupe_turns_in_flight", "Turns being generated or delivered", registry=REGISTRY)
turns_waiting = Gauge("troupe_turns_waiting", "Turns that wait for others to end", registry=REGISTRY)
first_text = Histogram(
    "troupe_first_text_seconds", "Message seen to first visible text", buckets=SECONDS, registry=REGISTRY
)
turn_duration = Histogram(
    "troupe_turn_seconds", "Message seen to final text", buckets=SECONDS, registry=REGISTRY
)
edits = Counter("troupe_edits", "Webhook requests of deliveries", ["kind", "outcome"], registry=REGISTRY)
rate_limited = Counter("troupe_rate_limited", "Answers 429 from Discord", ["scope"], registry=REGISTRY)
model_requests = Counter(
    "troupe_model_requests", "Model requests ended", ["provider", "model", "outcome"], registry=REGISTRY
)
model_circuit = Gauge(
    "troupe_model_circuit", "0 closed, 1 half open, 2 open", ["provider", "model"], registry=REGISTRY
)
workers_connected = Gauge("troupe_workers_connected", "Workers connected", ["kind"], registry=REGISTRY)
worker_losses = Counter("troupe_worker_losses", "Workers lost", ["kind", "reason"], registry=REGISTRY)
actor_restarts = Counter(
    "troupe_actor_restarts", "Restarts by supervisors", ["supervisor"], registry=REGISTRY
)
actor_crashes = Counter("troupe_actor_crashes", "Actors that failed", ["kind"], registry=REGISTRY)
actors_live = Gauge("troupe_actors_live", "Live actors", ["kind"], registry=REGISTRY)
mailbox_depth = Gauge("troupe_mailbox_depth", "Unread messages", ["kind"], registry=REGISTRY)
mailbox_wait = SwiftHistogram(
    "troupe_mailbox_wait_seconds", "Message sent to its handling, sampled", "kind", SWIFT_SECONDS, REGISTRY
)
handling_time = SwiftHistogram(
    "troupe_actor_handling_seconds", "Handling of a message, sampled", "kind", SWIFT_SECONDS, REGISTRY
)
passivations = Counter("troupe_passivations", "Actors passivated", ["kind"], registry=REGISTRY)
shed = Counter("troupe_shed", "Messages given up under load", ["reason"], registry=REGISTRY)
loop_lag = Histogram(
    "troupe_loop_lag_seconds", "How late the event loop runs timers", buckets=SECONDS, registry=REGISTRY
)


def render() -> bytes:
    """Return all metrics in the Prometheus text format, version 0.0.4."""
    return generate_latest(REGISTRY)
