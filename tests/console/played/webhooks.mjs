// The webhooks of the played edge.

const ENDS = ["job.succeeded", "job.failed", "job.canceled", "job.expired"];
const AN_HOUR_MS = 3_600_000;

/** Endpoints and their deliveries, newest first. Nothing is sent: a test says how each delivery goes. */
export class PlayedWebhooks {
  endpoints = [];
  deliveries = new Map(); // endpoint's id → deliveries
  made = 0;

  add(fields) {
    this.made += 1;
    const endpoint = {
      id: `wh_played${this.made}`,
      url: "https://example.com/hook",
      events: ENDS,
      description: null,
      enabled: true,
      disabled_because: null,
      created_ms: Date.now() - 3 * AN_HOUR_MS,
      public_key: "whpk_MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=",
      rotated_ms: null,
      ...fields,
    };
    this.endpoints.push(endpoint);
    this.deliveries.set(endpoint.id, []);
    return endpoint;
  }

  /** One more delivery, the newest. */
  deliver(id, fields) {
    this.made += 1;
    const delivery = {
      id: `msg_played${String(this.made).padStart(4, "0")}`,
      event: "job.succeeded",
      job_id: `job_played${String(this.made).padStart(4, "0")}`,
      state: "pending",
      attempts: 0,
      created_ms: Date.now() - 60_000,
      next_attempt_ms: Date.now(),
      last: null,
      ...fields,
    };
    this.deliveries.get(id).unshift(delivery);
    return delivery;
  }

  /** What an endpoint with a past looks like. */
  furnish() {
    const at_ms = Date.now() - 30_000;
    const { id } = this.add({ description: "Tells the shop" });
    this.add({ url: "https://gone.example/hook", enabled: false, disabled_because: "gone", events: ["job.failed"] });
    this.add({ url: "https://late.example/a/rather/long/path/to/a/hook", enabled: false, disabled_because: "by_you" });
    const ended = { next_attempt_ms: null, attempts: 10 };
    this.deliver(id, { state: "failed", ...ended, last: { at_ms, status: null, error: "timeout", took_ms: 15_000 } });
    const delivered = { state: "delivered", attempts: 1, next_attempt_ms: null };
    this.deliver(id, { ...delivered, last: { at_ms, status: 204, error: null, took_ms: 35 } });
    const next_attempt_ms = Date.now() + 5 * 60_000;
    const refused = { at_ms, status: 500, error: "status", took_ms: 1200 };
    this.deliver(id, { event: "job.failed", attempts: 2, next_attempt_ms, last: refused });
    return id;
  }

  route({ call, url, body, json, refuse, response }) {
    const [, , , id, verb, delivery, again] = url.pathname.split("/");
    const given = body.length > 0 ? JSON.parse(body) : {};
    if (call === "GET /v1/webhooks") return json(200, { webhooks: this.endpoints });
    if (call === "POST /v1/webhooks") {
      if (given.url.includes("10.0.0.")) return refuse(400, "invalid-request");
      return json(201, { ...this.add({ ...given, created_ms: Date.now() }), secret: `whsec_${this.made}` });
    }
    const endpoint = this.endpoints.find((endpoint) => endpoint.id === id);
    if (!endpoint) return refuse(404, "webhook-not-found");
    if (verb === undefined) return this.one({ call, endpoint, given, json, response });
    if (verb === "rotate") {
      endpoint.rotated_ms = Date.now();
      return json(200, { ...endpoint, secret: `whsec_rotated_${id}` });
    }
    if (verb === "test") {
      return json(202, this.deliver(id, { event: "webhook.test", job_id: null, created_ms: Date.now() }));
    }
    const all = this.deliveries.get(id);
    if (delivery === undefined) {
      const from = Number(url.searchParams.get("cursor") ?? 0);
      const to = from + Number(url.searchParams.get("limit") ?? 20);
      return json(200, { deliveries: all.slice(from, to), cursor: to < all.length ? String(to) : null });
    }
    const one = all.find((one) => one.id === delivery);
    if (!one || again !== "replay") return refuse(404, "webhook-not-found");
    Object.assign(one, { state: "pending", next_attempt_ms: Date.now() });
    return json(202, one);
  }

  one({ call, endpoint, given, json, response }) {
    if (call.startsWith("DELETE")) {
      this.endpoints = this.endpoints.filter((one) => one !== endpoint);
      return response.writeHead(204).end();
    }
    if (call.startsWith("PATCH")) {
      Object.assign(endpoint, given);
      if ("enabled" in given) endpoint.disabled_because = given.enabled ? null : "by_you";
    }
    return json(200, endpoint);
  }
}
