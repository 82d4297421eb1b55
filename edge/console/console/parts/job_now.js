// What there is to say about a job at this moment, in one line.

import { h } from "../dom.js";
import { duration, moment, number } from "../format.js";
import { has, t } from "../strings/index.js";
import { sentence } from "../problem.js";

/** The line for a job, `sinceMs` after it was told. */
export function nowLine(job, sinceMs = 0) {
  const parts = { queued: queued, running: running, succeeded, failed, canceled, expired }[job.status](job, sinceMs);
  return parts.filter(Boolean).join(" · ");
}

function queued(job, sinceMs) {
  if (job.not_before_ms > Date.now()) return [t("job.startsAt", { time: moment(job.not_before_ms) })];
  const place = job.queue?.position
    ? t("job.position", { position: number(job.queue.position), lane: job.queue.lane ?? job.lane })
    : t("job.waits", { lane: job.queue?.lane ?? job.lane });
  return [place, etaLine(job.queue?.eta_ms, sinceMs), job.attempt > 0 && t("job.again", { attempt: job.attempt + 1 })];
}

function etaLine(eta, sinceMs) {
  if (!eta) return null;
  const [p50, p90] = [eta.p50 - sinceMs, eta.p90 - sinceMs];
  return p50 < 500 ? t("job.etaSoon") : t("job.eta", { p50: duration(rounded(p50)), p90: duration(rounded(p90)) });
}

/** An ETA is no more exact than a second. */
function rounded(ms) {
  return Math.max(1000, Math.round(ms / 1000) * 1000);
}

function running(job) {
  const steps =
    job.progress && t("job.progress", { done: number(job.progress.done), total: number(job.progress.total) });
  return [steps || t("job.runs"), job.attempt > 1 && t("job.again", { attempt: job.attempt })];
}

function succeeded(job) {
  const { accepted_ms: from, finished_ms: to } = job.timeline;
  const total = from !== null && to !== null && to >= from ? duration(to - from) : null;
  const device = job.device_ms ? duration(job.device_ms) : null;
  const took = total && (device ? t("job.took", { total, device }) : t("job.tookPlain", { total }));
  const degraded = job.degraded && t("job.degraded", { reason: job.degraded_reason ?? "" });
  return [job.cached ? t("job.cached") : took, degraded];
}

function failed(job) {
  const known = `failure.${job.failure?.code}`;
  return [has(known) ? t(known) : sentence(job.failure?.detail ?? t("status.failed"))];
}

function canceled() {
  return [t("job.canceledNow")];
}

function expired() {
  return [t("job.expiredNow")];
}

/** How far a running job is, as a bar; of unknown length where it does not say. */
export function progressBar(job) {
  const known = job.progress && job.progress.total > 0;
  const extent = known ? { max: job.progress.total, value: job.progress.done } : {};
  return h("progress", { "aria-label": t("job.progressLabel"), ...extent });
}
