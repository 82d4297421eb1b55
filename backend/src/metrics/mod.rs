//! What a worker measures of itself, for Prometheus. Names and units are in the backend's README.

mod buckets;

use std::time::Duration;

use forebay_contract::{FailureCode, InputKind, Lane};
use prometheus_client::{
    encoding::{EncodeLabelSet, text},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Metric, Registry},
};

use crate::engine::DeviceMemory;

/// The `Content-Type` of [`Metrics::encode`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Labels<const N: usize> = [(&'static str, String); N];
type Histograms<const N: usize> = Family<Labels<N>, Histogram, fn() -> Histogram>;
type Counters<const N: usize> = Family<Labels<N>, Counter>;

/// All that is measured: one for each pipeline. Every method is a few atomic operations, so that stages call it freely.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    queue_wait: Histograms<1>,
    room: Family<Labels<1>, Gauge>,
    room_size: Gauge,
    decode: Histograms<1>,
    decoded_bytes: Gauge,
    batch_wait: Histograms<1>,
    infer: Histograms<1>,
    store: Histograms<2>,
    end_to_end: Histograms<2>,
    batch_jobs: Histograms<1>,
    batch_rows: Histograms<1>,
    batch_cost: Histograms<1>,
    padding: Histograms<1>,
    cost_error: Histograms<1>,
    busy: Counter<f64, std::sync::atomic::AtomicU64>,
    jobs: Counters<2>,
    failures: Counters<2>,
    extensions: Counters<2>,
    queue_calls: Counters<3>,
    reports: Counters<1>,
    dropped_events: Counter,
    model_memory: Family<Labels<2>, Gauge>,
    load_failures: Counters<2>,
    device_memory: Family<Labels<2>, Gauge>,
    device_gap: Histograms<1>,
}

/// One batch that ran.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchRun {
    /// How many jobs it held.
    pub jobs: usize,
    /// How many rows it had.
    pub rows: usize,
    /// What share of the numbers was padding, 0 to 1.
    pub padding: f64,
    /// What it was predicted to take, by what earlier ones took.
    pub predicted: Duration,
    /// What it took on the device.
    pub busy: Duration,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("forebay");
        let r = &mut registry;
        Self {
            queue_wait: add(r, "queue_wait_seconds", "From acceptance to receipt", by(buckets::waits)),
            room: add(r, "room_places", "Places that a lane's messages take", Family::default()),
            room_size: add(r, "room_size", "Places that all lanes together share", Gauge::default()),
            decode: add(r, "decode_seconds", "One input made into numbers", by(buckets::calls)),
            decoded_bytes: add(r, "decoded_bytes", "What decoded inputs take, or may", Gauge::default()),
            batch_wait: add(r, "batch_wait_seconds", "From decoded to begun on the device", by(buckets::short_waits)),
            infer: add(r, "infer_seconds", "One batch on the device", by(buckets::calls)),
            store: add(r, "store_seconds", "One call to the store", by(buckets::calls)),
            end_to_end: add(r, "e2e_seconds", "From acceptance to the stored end", by(buckets::waits)),
            batch_jobs: add(r, "batch_jobs", "Jobs of one batch", by(buckets::counts)),
            batch_rows: add(r, "batch_rows", "Rows of one batch", by(buckets::counts)),
            batch_cost: add(r, "batch_cost_seconds", "Predicted device time of one batch", by(buckets::calls)),
            padding: add(r, "batch_padding_ratio", "Share of one batch that is padding", by(buckets::shares)),
            cost_error: add(r, "cost_error_ratio", "|predicted − taken| / taken, of one batch", by(buckets::errors)),
            busy: add(r, "device_busy_seconds", "Time in which the device ran batches", Counter::default()),
            jobs: add(r, "jobs", "Jobs by how they left this worker", Family::default()),
            failures: add(r, "failures", "Failed jobs by reason", Family::default()),
            extensions: add(r, "lease_renewals", "Holds of messages renewed, lost, or not renewed", Family::default()),
            queue_calls: add(r, "queue_calls", "Calls to the lanes", Family::default()),
            reports: add(r, "reports", "Reports to the edge", Family::default()),
            dropped_events: add(r, "dropped_events", "Events that no report carried", Counter::default()),
            model_memory: add(r, "model_memory_bytes", "What a loaded model takes", Family::default()),
            load_failures: add(r, "model_load_failures", "Tries to load a model that failed", Family::default()),
            device_memory: add(r, "device_memory_bytes", "A device's memory", Family::default()),
            device_gap: add(r, "device_gap_seconds", "Without a batch while jobs waited", by(buckets::short_waits)),
            registry,
        }
    }
}

fn add<M: Metric + Clone>(registry: &mut Registry, name: &str, help: &str, metric: M) -> M {
    registry.register(name, help, metric.clone());
    metric
}

fn by<L: Clone + std::hash::Hash + Eq + EncodeLabelSet>(
    histogram: fn() -> Histogram,
) -> Family<L, Histogram, fn() -> Histogram> {
    Family::new_with_constructor(histogram)
}

impl Metrics {
    /// Everything, in OpenMetrics' text form.
    pub fn encode(&self) -> String {
        let mut page = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }

    /// A job came `waited` after it was accepted.
    pub fn received(&self, lane: Lane, waited: Duration) {
        self.queue_wait.get_or_create(&[("lane", lane.name().to_owned())]).observe(waited.as_secs_f64());
    }

    /// An input of this kind was decoded, or refused, in so long.
    pub fn decoded(&self, kind: InputKind, took: Duration) {
        let kind = match kind {
            InputKind::None => "none",
            InputKind::Text => "text",
            InputKind::Image => "image",
            InputKind::Audio => "audio",
            InputKind::Tensor => "tensor",
        };
        self.decode.get_or_create(&[("kind", kind.to_owned())]).observe(took.as_secs_f64());
    }

    /// All lanes together share so many places.
    pub(crate) fn room_size(&self, places: usize) {
        self.room_size.set(i64::try_from(places).unwrap_or(i64::MAX));
    }

    /// A lane's messages take so many places now.
    pub(crate) fn room_taken(&self, lane: Lane, places: usize) {
        let labels = [("lane", lane.name().to_owned())];
        self.room.get_or_create(&labels).set(i64::try_from(places).unwrap_or(i64::MAX));
    }

    /// A decoded input takes so many bytes now, and took so many before.
    pub(crate) fn decoded_held(&self, now: usize, before: usize) {
        self.decoded_bytes.inc_by(i64::try_from(now).unwrap_or(i64::MAX));
        self.decoded_bytes.dec_by(i64::try_from(before).unwrap_or(i64::MAX));
    }

    /// A job began on the device `waited` after it was decoded.
    pub fn began(&self, model: &str, waited: Duration) {
        self.batch_wait.get_or_create(&of(model)).observe(waited.as_secs_f64());
    }

    /// A batch of `model` ran on a device.
    pub fn ran(&self, model: &str, batch: BatchRun) {
        let model = of(model);
        let (busy_s, predicted_s) = (batch.busy.as_secs_f64(), batch.predicted.as_secs_f64());
        self.infer.get_or_create(&model).observe(busy_s);
        self.batch_jobs.get_or_create(&model).observe(batch.jobs as f64);
        self.batch_rows.get_or_create(&model).observe(batch.rows as f64);
        self.batch_cost.get_or_create(&model).observe(predicted_s);
        self.padding.get_or_create(&model).observe(batch.padding);
        if busy_s > 0.0 {
            self.cost_error.get_or_create(&model).observe((predicted_s - busy_s).abs() / busy_s);
        }
        self.busy.inc_by(busy_s);
    }

    /// A model is loaded onto a device and takes so much.
    pub fn model_loaded(&self, model: &str, device: &str, bytes: u64) {
        self.model_memory.get_or_create(&on(model, device)).set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// A model could not be loaded; `cause` is one of a handful.
    pub fn model_not_loaded(&self, model: &str, cause: &'static str) {
        self.load_failures.get_or_create(&[("model", model.to_owned()), ("cause", cause.to_owned())]).inc();
    }

    /// What a device has of memory, and what of it the weights of its models take.
    pub fn device_memory(&self, device: &str, memory: DeviceMemory, models: u64) {
        for (what, bytes) in [("total", memory.total), ("free", memory.free), ("models", models)] {
            let labels = [("device", device.to_owned()), ("what", what.to_owned())];
            self.device_memory.get_or_create(&labels).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        }
    }

    /// A device had nothing to run for so long while jobs of its next batch waited.
    pub fn device_waited(&self, device: &str, gap: Duration) {
        self.device_gap.get_or_create(&[("device", device.to_owned())]).observe(gap.as_secs_f64());
    }

    /// A model is no longer loaded on a device.
    pub fn model_evicted(&self, model: &str, device: &str) {
        self.model_memory.remove(&on(model, device));
    }

    /// A job ended here `age` after it was accepted; `failure` says why it has no result.
    pub fn ended(&self, model: &str, age: Duration, failure: Option<FailureCode>) {
        let outcome = if failure.is_some() { "failed" } else { "succeeded" };
        let labels = [("model", model.to_owned()), ("outcome", outcome.to_owned())];
        self.end_to_end.get_or_create(&labels).observe(age.as_secs_f64());
        self.jobs.get_or_create(&labels).inc();
        if let Some(code) = failure {
            self.failures.get_or_create(&[("model", model.to_owned()), ("code", code.name().to_owned())]).inc();
        }
    }

    /// A job went back to its lane.
    pub fn returned(&self, model: &str) {
        self.jobs.get_or_create(&[("model", model.to_owned()), ("outcome", "returned".to_owned())]).inc();
    }

    /// A report arrived, or was given up.
    pub fn reported(&self, outcome: &'static str) {
        self.reports.get_or_create(&[("outcome", outcome.to_owned())]).inc();
    }

    /// An event was dropped because too many wait.
    pub fn event_dropped(&self) {
        self.dropped_events.inc();
    }

    /// A call to the bucket ended in one of a handful of ways.
    pub(crate) fn stored(&self, call: &'static str, outcome: &'static str, took: Duration) {
        let labels = [("call", call.to_owned()), ("outcome", outcome.to_owned())];
        self.store.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// So many messages of a lane stay hidden, are lost, or were not heard of.
    pub(crate) fn extended(&self, lane: Lane, outcome: &'static str, messages: usize) {
        let labels = [("lane", lane.name().to_owned()), ("outcome", outcome.to_owned())];
        self.extensions.get_or_create(&labels).inc_by(messages as u64);
    }

    /// A call to a lane's queue ended.
    pub(crate) fn called(&self, lane: Lane, call: &'static str, well: bool) {
        let outcome = if well { "ok" } else { "error" };
        let labels = [("lane", lane.name().to_owned()), ("call", call.to_owned()), ("outcome", outcome.to_owned())];
        self.queue_calls.get_or_create(&labels).inc();
    }
}

fn of(model: &str) -> Labels<1> {
    [("model", model.to_owned())]
}

fn on(model: &str, device: &str) -> Labels<2> {
    [("model", model.to_owned()), ("device", device.to_owned())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recorded_is_on_the_page_with_its_unit() {
        let metrics = Metrics::default();
        metrics.received(Lane::FREE_LIGHT, Duration::from_millis(40));
        let (predicted, busy) = (Duration::from_millis(30), Duration::from_millis(20));
        metrics.ran("m@1", BatchRun { jobs: 3, rows: 4, padding: 0.25, predicted, busy });
        metrics.decoded(InputKind::Image, Duration::from_millis(10));
        metrics.decoded_held(100, 0);
        metrics.decoded_held(30, 100);
        metrics.ended("m@1", Duration::from_secs(1), None);
        metrics.ended("m@1", Duration::from_secs(1), Some(FailureCode::OutOfMemory));
        metrics.model_loaded("m@1", "cuda:0", 7);
        metrics.model_loaded("m@1", "cuda:1", 7);
        metrics.model_not_loaded("m@1", "memory");
        metrics.device_memory("cuda:0", DeviceMemory { free: 5, total: 9 }, 3);
        metrics.device_waited("cuda:0", Duration::from_micros(150));
        let page = metrics.encode();
        for line in [
            "forebay_queue_wait_seconds_sum{lane=\"free-light\"} 0.04",
            "forebay_infer_seconds_sum{model=\"m@1\"} 0.02",
            "forebay_decode_seconds_sum{kind=\"image\"} 0.01",
            "forebay_decoded_bytes 30",
            "forebay_batch_jobs_sum{model=\"m@1\"} 3.0",
            "forebay_batch_padding_ratio_sum{model=\"m@1\"} 0.25",
            "forebay_cost_error_ratio_sum{model=\"m@1\"} 0.4",
            "forebay_device_busy_seconds_total 0.02",
            "forebay_jobs_total{model=\"m@1\",outcome=\"succeeded\"} 1",
            "forebay_failures_total{model=\"m@1\",code=\"out-of-memory\"} 1",
            "forebay_model_memory_bytes{model=\"m@1\",device=\"cuda:0\"} 7",
            "forebay_model_load_failures_total{model=\"m@1\",cause=\"memory\"} 1",
            "forebay_device_memory_bytes{device=\"cuda:0\",what=\"total\"} 9",
            "forebay_device_memory_bytes{device=\"cuda:0\",what=\"models\"} 3",
            "forebay_device_gap_seconds_bucket{le=\"0.0001\",device=\"cuda:0\"} 0",
            "forebay_device_gap_seconds_bucket{le=\"0.0002\",device=\"cuda:0\"} 1",
        ] {
            assert!(page.contains(line), "{line}\n{page}");
        }
        metrics.model_evicted("m@1", "cuda:0");
        let page = metrics.encode();
        let left: Vec<&str> = page.lines().filter(|line| line.starts_with("forebay_model_memory_bytes{")).collect();
        assert_eq!(left, ["forebay_model_memory_bytes{model=\"m@1\",device=\"cuda:1\"} 7"]);
    }
}
