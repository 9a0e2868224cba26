"""Traces by OpenTelemetry: ``runner.tracing.Tracer`` on its SDK, sent by OTLP.

Where to, and all else that OpenTelemetry has a variable for (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_TRACES_SAMPLER``,
…), is read by the SDK itself. This module needs the extra ``vksim[otel]``.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBased, Sampler, TraceIdRatioBased

from runner.settings import TraceSettings

EXPORTERS = {"otlp": OTLPSpanExporter}


class OtelTracer:
    """Makes spans and sends them in the background.

    Args:
        settings: what the operator wants.
        exporters: where finished spans go.
    """

    def __init__(self, settings: TraceSettings, exporters: list[SpanExporter]) -> None:
        attributes = {"service.name": settings.service_name, **settings.tags}
        self._provider = TracerProvider(sampler=_sampler(settings.sample_share), resource=Resource.create(attributes))
        self._exporters = [_Remembering(each) for each in exporters]
        for exporter in self._exporters:
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("vksim.runner")

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[object]:
        """A span around a block, below the present one."""
        return self._tracer.start_as_current_span(name, attributes=attributes)

    def headers(self) -> Mapping[str, str]:
        """The present span as HTTP headers."""
        headers: dict[str, str] = {}
        propagate.inject(headers)
        return headers

    def continuing(
        self, headers: Mapping[str, str], name: str, attributes: Mapping[str, str]
    ) -> AbstractContextManager[object]:
        """As ``span``, but below the span that a request's headers name; without headers, a trace of its own."""
        lower = {key.lower(): value for key, value in headers.items()}
        above = propagate.extract(lower, context=Context())
        kind = trace.SpanKind.SERVER if headers else trace.SpanKind.INTERNAL
        return self._tracer.start_as_current_span(name, context=above, attributes=attributes, kind=kind)

    def close(self) -> None:
        """Send what is still to be sent; blocks, but not for somebody who was not there before."""
        for exporter in self._exporters:
            if exporter.failing:
                exporter.shutdown()
        self._provider.shutdown()


class _Remembering(SpanExporter):
    """An exporter that knows whether it got rid of its last spans."""

    def __init__(self, exporter: SpanExporter) -> None:
        self.failing = False
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; waits and tries again for some seconds if nobody is there."""
        result = self._exporter.export(spans)
        self.failing = result is not SpanExportResult.SUCCESS
        return result

    def shutdown(self) -> None:
        """Send no more, and end what is being tried."""
        self._exporter.shutdown()


def make_tracer(settings: TraceSettings) -> OtelTracer:
    """A tracer with the exporters that the settings name."""
    # That a batch was lost is an error of theirs, and told; each try that failed before is only noise.
    logging.getLogger("opentelemetry").setLevel(logging.ERROR)
    return OtelTracer(settings, [EXPORTERS[name]() for name in settings.exporters])


def _sampler(share: float | None) -> Sampler | None:
    """A caller that has decided is followed; None leaves it to OpenTelemetry's variables."""
    return None if share is None else ParentBased(TraceIdRatioBased(share))
