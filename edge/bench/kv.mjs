// A CONFIG namespace of four entries, in the protocol of workerd's kvNamespace binding: GET /KEY, 404 for what is not
// there. Three keys, one model that needs no files, a plan that never refuses, one that soon does, and one with as many
// limits as the catalog's.
const OPEN = "fb_bench_0123456789abcdef0123456789";
const LIMITED = "fb_limited_0123456789abcdef0123456789";
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
    // The same limits as `pro` of catalog/plans.toml, out of reach.
    limited: {
      class: "paid",
      limits: [
        limit(1000000000, "1s"),
        { ...limit(1000000000, "month"), name: "monthly", algorithm: "fixed-window", unit: "cost" },
        { name: "in-flight", dimension: "account", algorithm: "in-flight", quantity: 1000000, unit: "requests" },
      ],
    },
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
    [await entry(LIMITED)]: { account: "limited", plan: "limited", name: "bench" },
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
