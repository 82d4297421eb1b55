use forebay_contract::{JobMessage, Traceparent};
use tracing::{Span, error_span, field::Empty};

/// The span of one delivery of a job. Its name, id and trace id are on each of its log lines, so it is made at the
/// level that no setting of levels hides.
pub(crate) fn span(message: &JobMessage, attempt: u32) -> Span {
    let span = error_span!("job", job = %message.job_id, attempt, trace_id = Empty);
    if let Some(traceparent) = message.traceparent.as_deref().and_then(Traceparent::parse) {
        span.record("trace_id", traceparent.trace_id_hex());
        follow(&span, traceparent);
    }
    span
}

#[cfg(feature = "otlp")]
fn follow(span: &Span, from: Traceparent) {
    use opentelemetry::{
        Context,
        trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
    };
    use tracing_opentelemetry::OpenTelemetrySpanExt as _;

    let flags = if from.sampled { TraceFlags::SAMPLED } else { TraceFlags::default() };
    let (trace_id, span_id) = (TraceId::from(from.trace_id), SpanId::from(from.span_id));
    let parent = SpanContext::new(trace_id, span_id, flags, true, TraceState::default());
    // Fails where no spans are exported.
    let _ = span.set_parent(Context::new().with_remote_span_context(parent));
}

#[cfg(not(feature = "otlp"))]
fn follow(_: &Span, _: Traceparent) {}
