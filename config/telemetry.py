"""Traces: one from the message through turn and worker to the delivery, also across processes."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, StatusCode
from opentelemetry.util.types import AttributeValue

Carrier = dict[str, str]
"""The W3C trace context as plain headers, to put into an envelope or a frame."""


def configure_telemetry(service: str, endpoint: str | None, processor: SpanProcessor | None = None) -> None:
    """Export spans to `endpoint` over OTLP/HTTP; without endpoint and processor tracing costs nothing.

    Args:
        service: the name of this process in traces, e.g. `troupe-stage`.
        endpoint: base URL of the collector, without `/v1/traces`.
        processor: used instead of the OTLP exporter, e.g. an in-memory one.
    """
    if endpoint is None and processor is None:
        return
    provider = TracerProvider(resource=Resource.create({"service.name": service}))
    provider.add_span_processor(processor or BatchSpanProcessor(_otlp(endpoint or "")))
    trace.set_tracer_provider(provider)


def close_telemetry() -> None:
    """Send the spans that wait and stop exporting; blocks for some seconds when the collector is gone."""
    provider = trace.get_tracer_provider()
    if isinstance(provider, TracerProvider):
        provider.shutdown()


def _otlp(endpoint: str) -> SpanExporter:
    return OTLPSpanExporter(endpoint=endpoint.rstrip("/") + "/v1/traces")


@contextmanager
def span(
    name: str, parent: Carrier | None = None, **attributes: AttributeValue
) -> Generator[Span, None, None]:
    """Run the body inside a span; an exception marks it failed without putting its text into the trace.

    Args:
        name: low-cardinality name such as `turn` or `deliver`.
        parent: carrier of a span in another actor or process; the current span by default.
        attributes: dots are written as double underscores: `channel__id=1` becomes `channel.id`.
    """
    context = propagate.extract(parent) if parent else None
    fields = {key.replace("__", "."): value for key, value in attributes.items()}
    tracer = trace.get_tracer("troupe")
    with tracer.start_as_current_span(name, context, attributes=fields, record_exception=False) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(StatusCode.ERROR, type(error).__name__)
            raise


def carrier() -> Carrier:
    """Return the current trace context; empty when nothing is sampled."""
    headers: Carrier = {}
    propagate.inject(headers)
    return headers


def trace_id(of: Mapping[str, str]) -> str:
    """Return the 32 hex digits of the trace that a carrier belongs to, or an empty string."""
    parts = of.get("traceparent", "").split("-")
    return parts[1] if len(parts) == 4 else ""  # noqa: PLR2004 - W3C trace context has four fields
