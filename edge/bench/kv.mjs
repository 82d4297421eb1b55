// A CONFIG namespace of two entries, in the protocol of workerd's kvNamespace binding: GET /KEY, 404 for what is not
// there. One key, one model that needs no files, one plan that never refuses.
const KEY = "fb_bench_0123456789abcdef0123456789";

const catalog = {
  models: [{
    name: "bench", version: "1", task: "bench", title: "Never runs", licence: "Apache-2.0", work: "light",
    shareable: false, cost_ms: 1, input: { kind: "text", max_bytes: 100000 }, parameters: {},
  }],
  serving: { bench: { version: "1" } },
  plans: {
    bench: {
      class: "paid",
      limits: [{
        name: "submit", dimension: "account", algorithm: "token-bucket", quantity: 1000000000, window: "1s",
        unit: "requests",
      }],
    },
  },
};

async function entries() {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(KEY)));
  const hex = [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return { [`key:${hex}`]: { account: "bench", plan: "bench", name: "bench" }, catalog };
}

export default {
  async fetch(request) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1));
    const entry = (await entries())[key];
    return entry ? Response.json(entry) : new Response(null, { status: 404 });
  },
};
