// Answers of the edge, as it gives them.

const NOW_MS = Date.now();

/** A job that was just accepted, with other fields where `fields` has them. */
export function jobOf(fields) {
  const model = fields.model ?? "all-minilm-l6-v2";
  return {
    status: "queued",
    model,
    version: "1",
    served_model: `${model}@1`,
    degraded: false,
    lane: "free-light",
    cost_ms: 15,
    attempt: 0,
    cached: false,
    timeline: { accepted_ms: NOW_MS, sent_ms: null, received_ms: null, started_ms: null, finished_ms: null },
    parameters: {},
    batch_size: null,
    device_ms: null,
    worker: null,
    queue: { lane: "free-light", position: 3, eta_ms: { p50: 12_000, p90: 30_000 } },
    progress: null,
    not_before_ms: null,
    deadline_ms: null,
    ...fields,
  };
}

/** What changes when a job has succeeded. */
export function succeeded() {
  const timeline = {
    accepted_ms: NOW_MS,
    sent_ms: NOW_MS + 12,
    received_ms: NOW_MS + 50,
    started_ms: NOW_MS + 900,
    finished_ms: NOW_MS + 1250,
  };
  return {
    status: "succeeded",
    attempt: 1,
    queue: null,
    progress: null,
    timeline,
    device_ms: 340,
    batch_size: 4,
    worker: "gpu-1",
  };
}

export function failed(code) {
  return {
    status: "failed",
    attempt: 1,
    queue: null,
    failure: { code, detail: "the picture is broken", retryable: false },
  };
}

export function models() {
  const listed = (name, title, input, parameters) => ({
    name,
    version: "1",
    task: "",
    title,
    licence: "MIT",
    input,
    parameters,
    submit_url: "",
  });
  const of = (kind, media_types, max_bytes) => ({ kind, media_types, max_bytes });
  return [
    listed(
      "all-minilm-l6-v2",
      "Sentence embeddings: 384 numbers, compared by cosine",
      of("text", ["text/plain"], 80_000),
      {},
    ),
    listed("dcgan-faces", "Faces of nobody, 64×64, one sheet of up to 64", of("none", [], 0), {
      count: { type: "integer", min: 1, max: 64, default: 1 },
      seed: { type: "integer", min: 0, max: Number.MAX_SAFE_INTEGER },
    }),
    listed(
      "efficientnet-lite0",
      "What is in a picture: 1,000 ImageNet classes",
      of("image", ["image/jpeg", "image/png"], 10_000_000),
      {
        top_k: { type: "integer", min: 1, max: 1000, default: 5 },
      },
    ),
    listed("every-parameter", "A model with every kind of parameter", of("tensor", ["application/json"], 1000), {
      strength: { type: "number", min: 0, max: 1, default: 0.5 },
      sharp: { type: "boolean", default: true },
      style: { type: "choice", options: ["plain", "ornate"], default: "plain" },
    }),
  ];
}

export function quota() {
  const limit = (name, unit, window, limit, remaining) => {
    const resets_ms = window === null ? null : Date.now() + 40_000;
    return {
      name,
      dimension: "account",
      algorithm: "token-bucket",
      unit,
      window,
      limit,
      used: limit - remaining,
      remaining,
      resets_ms,
    };
  };
  const limits = [
    limit("submit", "requests", "1m", 60, 57),
    limit("daily", "cost", "day", 2_000_000, 1_420_000),
    limit("in-flight", "requests", null, 200, 4),
  ];
  return { account: "acme", plan: "free", limits };
}

export function lanes() {
  const lane = (name, depth, rate, breakers) => ({
    lane: name,
    depth,
    work_ms: depth * 40,
    capacity_ms: 5000,
    rate,
    eta_ms: { p50: depth * 40, p90: depth * 80 },
    multiplier: depth > 50 ? 0.4 : 1,
    breakers,
  });
  const broken = { model: "dcgan-faces", version: "2", state: { open: { until_ms: NOW_MS + 30_000 } } };
  const dampened = { model: "dcgan-faces", version: "1", state: { dampened: { admit: 0.5 } } };
  const error = { samples: 64, within_p50: 0.52, within_p90: 0.91, median_ms: 80 };
  return [
    lane("paid-light", 4, 980, []),
    { ...lane("free-light", 120, null, [broken, dampened]), eta_error: error },
    { ...lane("free-heavy", 0, null, []), reachable: false },
  ];
}

export function usage() {
  const day = (day, model, succeeded, device_ms) => ({
    day,
    model,
    succeeded,
    failed: 1,
    canceled: 0,
    expired: 0,
    cached: 2,
    degraded: 0,
    device_ms,
  });
  return [day("2026-11-21", "all-minilm-l6-v2", 1200, 18_000), day("2026-11-22", "efficientnet-lite0", 310, 12_400)];
}

/** Labels as a classifier gives them. */
export function classes() {
  const labels = [
    ["tiger cat", 0.379],
    ["tabby", 0.281],
    ["Egyptian cat", 0.205],
    ["lynx", 0.031],
    ["Persian cat", 0.008],
  ];
  return JSON.stringify({ classes: labels.map(([label, probability], index) => ({ index, label, probability })) });
}

/** A vector of 384 numbers of length 1 or so. */
export function embedding(more = {}) {
  return JSON.stringify({ embedding: Array.from({ length: 384 }, (_, at) => Math.sin(at * 1.7) / 14), ...more });
}
