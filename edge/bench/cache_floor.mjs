// The least a cached answer could cost: one Cache API match. PUT puts what is matched.
const URL = "https://results.forebay.internal/bench";

export default {
  async fetch(request) {
    if (request.method === "PUT") {
      const headers = { "cache-control": "public, max-age=604800", "content-type": "application/json" };
      await caches.default.put(URL, new Response(await request.text(), { headers }));
      return new Response(null, { status: 204 });
    }
    return (await caches.default.match(URL)) ?? new Response(null, { status: 404 });
  },
};
