"""Traces by OpenTelemetry: ``runner.tracing.Tracer`` on its SDK, sent by OTLP.

Where to, and all else that OpenTelemetry has a variable for (``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_TRACES_SAMPLER``,
…), is read by the SDK itself. This module needs the extra ``vksim[otel]``.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager

from opentelemetry import propagate, trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
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
        for exporter in exporters:
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
        """As ``span``, below the span that a request's headers name."""
        lower = {key.lower(): value for key, value in headers.items()}
        above = propagate.extract(lower, context=Context())
        return self._tracer.start_as_current_span(
            name, context=above, attributes=attributes, kind=trace.SpanKind.SERVER
        )

    def close(self) -> None:
        """Send what is still to be sent; blocks."""
        self._provider.shutdown()


def make_tracer(settings: TraceSettings) -> OtelTracer:
    """A tracer with the exporters that the settings name."""
    return OtelTracer(settings, [EXPORTERS[name]() for name in settings.exporters])


def _sampler(share: float | None) -> Sampler | None:
    """A caller that has decided is followed; None leaves it to OpenTelemetry's variables."""
    return None if share is None else ParentBased(TraceIdRatioBased(share))
