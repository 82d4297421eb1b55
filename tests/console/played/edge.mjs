// A small server that plays the edge: its files as the edge serves them, and its API in whatever state a test wants.

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";

import { WebSocketServer } from "ws";

import { jobOf, models, quota, lanes } from "./samples.mjs";
import { PlayedWebhooks } from "./webhooks.mjs";

const FILES = join(import.meta.dirname, "../../../edge/console");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

export const KEY = "fb_played0123456789abcdef0123456789ab";
export const ADMIN_TOKEN = "the-operators-token";

/** Starts it. `missing` names calls (`GET /v1/usage`) that it does not have; `sockets: false` refuses WebSockets. */
export async function playedEdge({ missing = [], sockets = true } = {}) {
  const edge = new PlayedEdge({ missing, sockets });
  await new Promise((listening) => edge.server.listen(0, "127.0.0.1", listening));
  edge.origin = `http://127.0.0.1:${edge.server.address().port}`;
  return edge;
}

class PlayedEdge {
  jobs = new Map();
  results = new Map();
  watching = new Map(); // socket → ids
  waiting = new Set(); // long polls
  /** `METHOD path` and the header fields of every call of the API. */
  seen = [];
  /** What answers next, once, instead: `[status, code, headers]` by `METHOD path`. */
  refusals = new Map();
  keys = [];
  usage = [];
  lanes = lanes();
  webhooks = new PlayedWebhooks();
  made = 0;
  /** What was said over sockets. */
  said = [];
  /** Whether sockets say nothing. */
  mute = false;

  constructor({ missing, sockets }) {
    this.missing = missing;
    this.server = createServer((request, response) =>
      this.answer(request, response).catch((error) => response.destroy(error)),
    );
    const accept = new WebSocketServer({ noServer: true, handleProtocols: () => "forebay.v1" });
    this.server.on("upgrade", (request, socket, head) => {
      this.seen.push({ call: `SOCKET ${request.url}`, headers: request.headers });
      const offered = request.headers["sec-websocket-protocol"]?.split(/,\s*/) ?? [];
      if (!sockets || request.url !== "/v1/events" || offered.join(" ") !== `forebay.v1 forebay.bearer.${KEY}`) {
        socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
        return;
      }
      accept.handleUpgrade(request, socket, head, (socket) => this.open(socket));
    });
  }

  async stop() {
    for (const socket of this.watching.keys()) socket.terminate();
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  open(socket) {
    const ids = new Set();
    this.watching.set(socket, ids);
    socket.on("close", () => this.watching.delete(socket));
    socket.on("message", (text) => {
      this.said.push(String(text));
      const { watch = [], unwatch = [] } = JSON.parse(text);
      for (const id of watch) {
        ids.add(id);
        this.push(socket, this.jobs.get(id));
      }
      unwatch.forEach((id) => ids.delete(id));
    });
  }

  /** Moves a job and tells who watches it. */
  move(id, change) {
    const job = { ...this.jobs.get(id), ...change };
    this.jobs.set(id, job);
    for (const [socket, ids] of this.watching) {
      if (ids.has(id)) this.push(socket, job);
    }
    for (const poll of [...this.waiting]) if (poll.id === id) poll.end();
  }

  push(socket, job) {
    if (!this.mute) socket.send(JSON.stringify({ type: "job", event: job.status, id: 1, job }));
  }

  add(fields) {
    this.made += 1;
    const job = jobOf({ id: `job_played${String(this.made).padStart(4, "0")}`, ...fields });
    this.jobs.set(job.id, job);
    return job;
  }

  async answer(request, response) {
    const url = new URL(request.url, this.origin);
    if (url.pathname.startsWith("/console")) return this.file(url.pathname, response);
    const call = `${request.method} ${url.pathname}`;
    const body = await bodyOf(request);
    this.seen.push({ call, headers: request.headers, query: url.search, body });
    const refuse = (status, code, headers = {}, more = {}) => {
      response.writeHead(status, { "content-type": "application/problem+json", ...headers });
      const detail = `played: ${code}`;
      response.end(JSON.stringify({ title: `Title of ${code}`, status, code, detail, request_id: "r1", ...more }));
    };
    const json = (status, value) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    if (this.missing.includes(call)) return refuse(404, "route-not-found");
    const operators = url.pathname.startsWith("/internal/") || url.pathname === "/v1/lanes";
    const expected = `Bearer ${operators ? ADMIN_TOKEN : KEY}`;
    if (request.headers.authorization !== expected) return refuse(401, "invalid-credentials");
    const refusal = this.refusals.get(call);
    if (refusal) {
      this.refusals.delete(call);
      return refuse(...refusal);
    }
    return this.route({ call, url, body, json, refuse, response });
  }

  route({ call, url, body, json, refuse, response }) {
    const [, , , id, verb] = url.pathname.split("/");
    const submitted = (model) => {
      const job = this.add({ model });
      return json(202, job);
    };
    if (call === "GET /v1/quota") return json(200, quota());
    if (call === "GET /v1/models") return json(200, { models: models() });
    if (call === "POST /v1/jobs") return submitted(JSON.parse(body).model);
    if (/^POST \/v1\/models\/[^/]+\/jobs$/.test(call)) return submitted(id);
    if (call === "GET /v1/jobs") return json(200, this.page(url.searchParams));
    if (call === "GET /v1/usage") {
      if (url.searchParams.get("from") > url.searchParams.get("to")) return refuse(400, "invalid-query");
      return json(200, { days: this.usage });
    }
    if (call === "GET /v1/lanes") return json(200, { lanes: this.lanes });
    if (url.pathname.startsWith("/internal/v1/keys")) return this.manage({ call, url, body, json, refuse });
    if (url.pathname.startsWith("/v1/webhooks"))
      return this.webhooks.route({ call, url, body, json, refuse, response });
    const job = this.jobs.get(id);
    if (!job) return refuse(404, "job-not-found");
    if (verb === "cancel") {
      this.move(id, { status: "canceled", queue: null });
      return json(202, this.jobs.get(id));
    }
    if (verb === "retry") return json(202, this.add({ model: job.model }));
    if (verb === "result") {
      const [type, bytes] = this.results.get(id);
      return response.writeHead(200, { "content-type": type }).end(bytes);
    }
    const wait = Number(url.searchParams.get("wait") ?? 0);
    if (wait === 0 || !["queued", "running"].includes(job.status)) return json(200, job);
    const poll = { id, end: () => this.waiting.delete(poll) && json(200, this.jobs.get(id)) };
    this.waiting.add(poll);
    response.on("close", () => this.waiting.delete(poll));
    setTimeout(poll.end, wait * 1000).unref();
  }

  page(query) {
    const fits = (job) => ["status", "model"].every((name) => !query.has(name) || job[name] === query.get(name));
    const jobs = [...this.jobs.values()].reverse().filter(fits);
    const from = Number(query.get("cursor") ?? 0);
    const to = from + Number(query.get("limit") ?? 20);
    return { jobs: jobs.slice(from, to), cursor: to < jobs.length ? String(to) : null };
  }

  manage({ call, url, body, json, refuse }) {
    const [, , , , id, verb] = url.pathname.split("/");
    if (call === "GET /internal/v1/keys") {
      const account = url.searchParams.get("account");
      return json(200, { keys: this.keys.filter((key) => !account || key.account === account), cursor: null });
    }
    if (call === "POST /internal/v1/keys") {
      const { plan, account, name = "", groups = [] } = JSON.parse(body);
      if (!["free", "pro"].includes(plan)) return refuse(422, "invalid-field");
      const key = {
        id: `00000000000${this.keys.length}`,
        account,
        plan,
        name,
        groups,
        created_ms: Date.now(),
        expires_ms: null,
        state: "valid",
      };
      this.keys.push(key);
      return json(201, { ...key, secret: `fb_secret_of_${account}` });
    }
    const key = this.keys.find((key) => key.id === id);
    if (!key) return refuse(404, "key-not-found");
    if (verb === "rotate") return json(200, { ...key, secret: `fb_rotated_${JSON.parse(body).grace_s}` });
    key.state = "revoked";
    return json(200, { id, revoked: true, revoked_ms: Date.now() });
  }

  /** The console's files under the header fields of `_headers`. */
  file(path, response) {
    const name = path.endsWith("/") ? `${path}index.html` : path;
    if (path === "/console") return response.writeHead(307, { location: "/console/" }).end();
    try {
      const bytes = readFileSync(join(FILES, normalize(name)));
      response.writeHead(200, { "content-type": TYPES[extname(name)], ...fileHeaders() }).end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  }
}

/** What `_headers` says of the console. */
export function fileHeaders() {
  const lines = readFileSync(join(FILES, "_headers"), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("  "));
  return Object.fromEntries(
    lines.map((line) =>
      line
        .trim()
        .split(/:\s*(.*)/s)
        .slice(0, 2),
    ),
  );
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
