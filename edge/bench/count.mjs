// What a job costs in objects: requests, alarms, rows. Starts the built edge in workerd, plays its clients and a
// worker, and prints the mean of a job as JSON. infra/cost.toml has the numbers.
//
//   node bench/count.mjs alone       one job of an account that rests before and after
//   node bench/count.mjs busy        300 jobs, reported ten at a time, as a worker does that runs batches
import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const KEY = "fb_limited_0123456789abcdef0123456789";
// As config.capnp has it.
const SECRET = "bench-bench-bench-bench-bench-bench";
// Until an object has written down what it puts off, and its alarm has rung.
const REST_MS = 8_000;

const shape = { alone: { jobs: 1, together: 1 }, busy: { jobs: 300, together: 10 } }[process.argv[2]];
if (!shape) {
  console.error("usage: node bench/count.mjs alone|busy");
  process.exit(2);
}

const port = await new Promise((done) => {
  const free = createServer().listen(0, "127.0.0.1", () => {
    const { port } = free.address();
    free.close(() => done(port));
  });
});
const here = import.meta.dirname;
const edge = `http://127.0.0.1:${port}`;
const disk = mkdtempSync(join(tmpdir(), "forebay-count-"));
const places = [`--directory-path=disk=${disk}`, `--socket-addr=edge=127.0.0.1:${port}`];
const workerd = spawn(
  join(here, "../node_modules/workerd/bin/workerd"),
  ["serve", join(here, "config.capnp"), "counted", ...places],
  {
    env: { QUEUE_URL_PREFIX: "http://sink/queue/bench", BUCKET_URL: "http://sink/bucket" },
    stdio: ["ignore", "ignore", "inherit"],
  },
);

async function ask(path, wanted, options = {}) {
  const answer = await fetch(edge + path, options);
  if (answer.status !== wanted) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}

const authorization = `Bearer ${KEY}`;
let question = 0;
async function submit() {
  const body = JSON.stringify({ model: "bench", input: { text: `question ${(question += 1)}` } });
  const headers = { authorization, "content-type": "application/json" };
  return (await (await ask("/v1/jobs", 202, { method: "POST", headers, body })).json()).id;
}

async function report(ids, event, more = {}) {
  const events = ids.map((job_id) => ({ job_id, attempt: 1, at_ms: Date.now(), event, ...more }));
  const body = JSON.stringify({ worker: "bench", events });
  const t = Math.floor(Date.now() / 1000);
  const signature = `t=${t},v1=${createHmac("sha256", SECRET).update(`${t}.${body}`).digest("hex")}`;
  const headers = { "content-type": "application/json", "forebay-signature": signature };
  await ask("/internal/v1/reports", 200, { method: "POST", headers, body });
}

async function together(count) {
  const ids = [];
  for (let job = 0; job < count; job += 1) ids.push(await submit());
  await sleep(60);
  await report(ids, "received");
  await report(ids, "started", { batch_size: count });
  await report(ids, "succeeded", { media_type: "application/json", bytes: 100, device_ms: 7 });
  for (const id of ids) await (await ask(`/v1/jobs/${id}/result`, 200, { headers: { authorization } })).text();
}

try {
  for (let tries = 100; ; tries -= 1) {
    const up = await ask("/healthz", 200).catch((error) => (tries ? null : Promise.reject(error)));
    if (up) break;
    await sleep(100);
  }
  // The first job makes tables.
  await together(1);
  await sleep(REST_MS);
  await ask("/_counts", 200);
  for (let done = 0; done < shape.jobs; done += shape.together) await together(shape.together);
  await sleep(REST_MS);
  const counts = await (await ask("/_counts", 200)).json();
  const mean = ([what, count]) => [what, Number((count / shape.jobs).toFixed(2))];
  for (const kind of Object.keys(counts)) counts[kind] = Object.fromEntries(Object.entries(counts[kind]).map(mean));
  console.log(JSON.stringify(counts, null, 2));
} finally {
  workerd.kill();
  rmSync(disk, { recursive: true, force: true });
}
