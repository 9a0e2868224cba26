"""Traces by OpenTelemetry: what is below what, what others are told, and how much is traced."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from runner.otel import OtelTracer
from runner.settings import TraceSettings

ABOVE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def traced(work: Callable[[OtelTracer], object], share: float | None = None) -> list[ReadableSpan]:
    """The spans of some work, in the order of their ends."""
    exporter = InMemorySpanExporter()
    tracer = OtelTracer(TraceSettings(("otlp",), "me", {"team": "blue"}, share), [exporter])
    work(tracer)
    tracer.close()
    return list(exporter.get_finished_spans())


def test_a_span_is_below_the_one_that_its_task_was_in() -> None:
    def work(tracer: OtelTracer) -> None:
        async def inner() -> None:
            with tracer.span("inner", {"k8s.pod.name": "web"}):
                await asyncio.sleep(0)

        async def main() -> None:
            with tracer.span("outer", {}):
                await asyncio.create_task(inner())

        asyncio.run(main())

    inner, outer = traced(work)
    assert inner.parent is not None
    assert outer.context is not None
    assert inner.parent.span_id == outer.context.span_id
    assert dict(inner.attributes or {}) == {"k8s.pod.name": "web"}
    assert inner.resource.attributes["service.name"] == "me"
    assert inner.resource.attributes["team"] == "blue"


def test_an_error_that_leaves_a_span_marks_it() -> None:
    def work(tracer: OtelTracer) -> None:
        with pytest.raises(LookupError), tracer.span("it", {}):
            raise LookupError

    [span] = traced(work)
    assert not span.status.is_ok


def test_the_next_one_is_told_of_the_span_and_continues_it() -> None:
    told: list[str] = []

    def work(tracer: OtelTracer) -> None:
        with tracer.continuing({"Traceparent": ABOVE}, "served", {}):
            told.append(tracer.headers()["traceparent"])

    [span] = traced(work)
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}" in ABOVE
    assert told[0].startswith(ABOVE[:35])
    assert told[0] != ABOVE


def test_without_headers_it_is_a_trace_of_its_own_wherever_it_begins() -> None:
    def work(tracer: OtelTracer) -> None:
        with tracer.span("outer", {}), tracer.continuing({}, "sync pod", {}):
            pass

    sync, outer = traced(work)
    assert sync.parent is None
    assert sync.context is not None
    assert outer.context is not None
    assert sync.context.trace_id != outer.context.trace_id


def test_nothing_is_told_outside_a_span() -> None:
    assert traced(lambda tracer: [tracer.headers()].index({})) == []


@pytest.mark.parametrize(("share", "spans"), [(None, 1), (1.0, 1), (0.0, 0)])
def test_the_sample_rate_says_how_much_is_traced(share: float | None, spans: int) -> None:
    def work(tracer: OtelTracer) -> None:
        with tracer.span("it", {}):
            pass

    assert len(traced(work, share)) == spans


def test_the_end_does_not_wait_for_a_collector_that_was_not_there() -> None:
    class Absent(SpanExporter):
        def __init__(self) -> None:
            self.asked = 0
            self.ended = False

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            self.asked += not self.ended
            return SpanExportResult.FAILURE

        def shutdown(self) -> None:
            self.ended = True

    absent = Absent()
    tracer = OtelTracer(TraceSettings(("otlp",), "me", {}, None), [absent])
    with tracer.span("one", {}):
        pass
    tracer._provider.force_flush()
    with tracer.span("two", {}):
        pass
    tracer.close()
    assert absent.asked == 1
