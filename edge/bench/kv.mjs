// A CONFIG namespace of three entries, in the protocol of workerd's kvNamespace binding: GET /KEY, 404 for what is not
// there. Two keys, one model that needs no files, a plan that never refuses and one that
// soon does.
const OPEN = "fb_bench_0123456789abcdef0123456789";
const CLOSED = "fb_closed_0123456789abcdef0123456789";

const limit = (quantity, window) => ({
  name: "submit", dimension: "account", algorithm: "token-bucket", quantity, window, unit: "requests",
});

const catalog = {
  models: [{
    name: "bench", version: "1", task: "bench", title: "Never runs", licence: "Apache-2.0", work: "light",
    shareable: false, cost_ms: 1, input: { kind: "text", max_bytes: 100000 }, parameters: {},
  }],
  serving: { bench: { version: "1" } },
  plans: {
    // Never refuses, and gives what the cache has for nothing.
    open: { class: "paid", limits: [limit(1000000000, "1s")], cached: "free" },
    // One submission a month.
    closed: { class: "free", limits: [limit(1, "31d")] },
  },
  lanes: { "paid-light": { backlog_ms: 1000000000000 } },
};

async function entry(key) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(key)));
  return `key:${[...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

async function entries() {
  return {
    [await entry(OPEN)]: { account: "open", plan: "open", name: "bench" },
    [await entry(CLOSED)]: { account: "closed", plan: "closed", name: "bench" },
    catalog,
  };
}

export default {
  async fetch(request) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const entry = (await entries())[key];
    return entry ? Response.json(entry) : new Response(null, { status: 404 });
  },
};
