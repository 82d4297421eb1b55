// Jobs as they move, in every state that they can be in.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { browserOfFile, shot, visit } from "../visitor.mjs";
import { KEY, playedEdge } from "./edge.mjs";
import { classes, embedding, failed, succeeded } from "./samples.mjs";

const browser = browserOfFile();
const CAT = join(import.meta.dirname, "../../fixtures/chelsea.png");

async function opened(t, { options, ...played } = {}) {
  const edge = await playedEdge(played);
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin, { key: KEY, ...options });
  return { edge, page, panel: page.locator("article.job").first() };
}

async function submitText(page, text) {
  await page.getByLabel("Text", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Submit 1 job" }).click();
}

/** The socket watches what was submitted: from here on it is told. */
async function watched(edge) {
  const deadline = Date.now() + 30_000;
  while (![...edge.watching.values()].some((ids) => ids.size > 0)) {
    assert.ok(Date.now() < deadline, "nobody watches the job");
    await new Promise((soon) => setTimeout(soon, 20));
  }
}

for (const sockets of [true, false]) {
  const way = sockets ? "pushed over a WebSocket" : "asked for where there is none";
  test(`a text moves from queued to its vector, ${way}`, async (t) => {
    const { edge, page, panel } = await opened(t, { sockets });
    await submitText(page, "A dam holds water back.");
    await panel.getByText("Number 3 in free-light").waitFor();
    await panel.getByText(/about \d+ secs, rarely over (1\d|2\d|30) secs/).waitFor();
    if (sockets) await watched(edge);
    const [id] = edge.jobs.keys();

    edge.move(id, { queue: { lane: "free-light", position: 1, eta_ms: { p50: 2000, p90: 4000 } } });
    await panel.getByText("Number 1 in free-light").waitFor();
    edge.move(id, { status: "running", attempt: 1, queue: null, progress: { done: 3, total: 10 } });
    await panel.getByText("3 of 10 steps").waitFor();
    assert.equal(await panel.getByRole("progressbar").getAttribute("value"), "3");
    if (sockets) await shot(page, "running");

    edge.results.set(id, ["application/json", embedding()]);
    edge.move(id, succeeded());
    await panel.getByText("A vector of 384 numbers").waitFor();
    assert.match(await panel.getByRole("img").getAttribute("aria-label"), /bars, between -0.071 and 0.071/);
    await panel.getByText("Done in 1.3 secs, 340 ms of it on the device").waitFor();
    await panel.getByRole("button", { name: "Copy as JSON" }).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.equal(JSON.parse(copied).embedding.length, 384);

    const polls = edge.seen.filter(({ query }) => query?.includes("wait="));
    assert.equal(polls.length > 0, !sockets, "polls stand in for the socket, and only then");
    await page.getByText(sockets ? "Live: changes are pushed" : "asks every few seconds").waitFor();
    await page.locator("#announce", { hasText: "A dam holds water back.: Done" }).waitFor({ state: "attached" });
  });
}

test("a dropped socket is noticed, and the job is followed all the same", async (t) => {
  const { edge, page, panel } = await opened(t);
  await submitText(page, "one");
  await watched(edge);
  const [id] = edge.jobs.keys();
  for (const socket of edge.watching.keys()) socket.terminate();
  await page.getByText("asks every few seconds").waitFor();
  edge.results.set(id, ["application/json", embedding({ truncated: true })]);
  edge.move(id, succeeded());
  await panel.getByText("A vector of 384 numbers").waitFor();
  await panel.getByText("longer than the model reads").waitFor();
});

test("a socket that says nothing is not waited for", async (t) => {
  const { edge, page, panel } = await opened(t);
  edge.mute = true;
  await submitText(page, "one");
  await watched(edge);
  edge.move([...edge.jobs.keys()][0], failed("text-invalid"));
  await panel.getByText("The text is empty or is no text.").waitFor();
  assert.equal(edge.watching.size, 1, "the socket is open still");
});

test("sixty jobs are followed over one socket with few words", async (t) => {
  const { edge, page } = await opened(t);
  await page.getByLabel("Text", { exact: true }).fill(Array.from({ length: 60 }, (_, at) => `text ${at}`).join("\n"));
  await page.getByLabel("Each line is a job of its own").check();
  await page.getByRole("button", { name: "Submit 60 jobs" }).click();
  await page.getByRole("link", { name: "text 59" }).waitFor();
  for (const id of edge.jobs.keys()) edge.results.set(id, ["application/json", classes()]);
  await page.getByRole("link", { name: "Jobs", exact: true }).click();
  await page.getByRole("row").nth(20).waitFor();
  await page.getByRole("link", { name: "Submit", exact: true }).click();
  await page.getByRole("link", { name: "text 59" }).waitFor();
  const [first] = edge.jobs.keys();
  await page.goto(`${edge.origin}/console/#/jobs/${first}`);
  await watched(edge);
  edge.move(first, succeeded());
  await page.getByText("tiger cat").waitFor();
  assert.ok(edge.said.length <= 40, `${edge.said.length} messages`);
  assert.ok(edge.said.every((text) => text.length <= 4096));
  assert.equal(edge.seen.filter(({ call }) => call.startsWith("SOCKET")).length, 1);
});

test("without a socket many jobs are asked about a few at a time, and none is forgotten", async (t) => {
  const { edge, page } = await opened(t, { sockets: false });
  let most = 0;
  const { add } = edge.waiting;
  edge.waiting.add = function (poll) {
    add.call(this, poll);
    most = Math.max(most, this.size);
  };
  await page.getByLabel("Text", { exact: true }).fill("1\n2\n3\n4\n5\n6\n7\n8");
  await page.getByLabel("Each line is a job of its own").check();
  await page.getByRole("button", { name: "Submit 8 jobs" }).click();
  await page.locator("article.job").nth(7).waitFor();
  for (const id of edge.jobs.keys()) edge.move(id, failed("text-invalid"));
  await page.waitForFunction(() => document.querySelectorAll(".chip-failed").length === 8, null, { timeout: 20_000 });
  assert.equal(most, 3);
});

test("what crosses or comes late changes nothing", async (t) => {
  const { edge, page, panel } = await opened(t);
  await submitText(page, "one");
  await watched(edge);
  const [id] = edge.jobs.keys();
  edge.move(id, { status: "running", attempt: 2, queue: null, progress: { done: 5, total: 10 } });
  await panel.getByText("5 of 10 steps").waitFor();
  edge.move(id, { status: "running", attempt: 1, progress: { done: 9, total: 10 } });
  edge.move(id, { status: "queued", attempt: 1, progress: null });
  edge.move(id, { status: "running", attempt: 2, progress: { done: 6, total: 10 } });
  await panel.getByText("6 of 10 steps · Attempt 2").waitFor();
});

test("a chosen picture becomes labels with bars", async (t) => {
  const { edge, page, panel } = await opened(t);
  await page.getByLabel("efficientnet-lite0").check();
  await page.getByLabel("Drop pictures here or choose files").setInputFiles([
    { name: "chelsea.png", mimeType: "image/png", buffer: readFileSync(CAT) },
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no") },
  ]);
  await page.getByText("notes.txt is not taken: this model takes JPEG, PNG.").waitFor();
  await page.getByRole("img", { name: "chelsea.png" }).waitFor();
  await page.getByLabel("top_k").fill("7");
  await shot(page, "picture-chosen");
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await panel.getByRole("link", { name: "chelsea.png" }).waitFor();
  const call = edge.seen.find(({ call }) => call.startsWith("POST"));
  assert.deepEqual(
    [call.call, call.query, call.headers["content-type"]],
    ["POST /v1/models/efficientnet-lite0/jobs", "?p.top_k=7", "image/png"],
  );
  assert.deepEqual(call.body, readFileSync(CAT));

  const [id] = edge.jobs.keys();
  edge.results.set(id, ["application/json", classes()]);
  edge.move(id, succeeded());
  const first = panel.getByRole("list", { name: "Labels and how probable they are" }).getByRole("listitem").first();
  assert.match(await first.innerText(), /tiger cat\s+37\.9%/);
  const widths = await first
    .locator(".label-bar")
    .evaluate((bar) => [bar.offsetWidth, Number.parseFloat(getComputedStyle(bar, "::before").width)]);
  assert.ok(Math.abs(widths[1] / widths[0] - 0.379) < 0.01, `the bar is ${widths}`);
  await shot(page, "labels");
});

test("dropped pictures are taken, several at once, each a job", async (t) => {
  const { edge, page } = await opened(t);
  await page.getByLabel("efficientnet-lite0").check();
  const bytes = readFileSync(CAT).toString("base64");
  const data = await page.evaluateHandle((bytes) => {
    const transfer = new DataTransfer();
    const raw = Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0));
    for (const name of ["a.png", "b.png"]) transfer.items.add(new File([raw], name, { type: "image/png" }));
    return transfer;
  }, bytes);
  await page.locator(".drop").dispatchEvent("drop", { dataTransfer: data });
  await page.getByRole("button", { name: "Remove b.png" }).waitFor();
  await page.getByRole("button", { name: "Submit 2 jobs" }).click();
  await page.getByRole("link", { name: "b.png" }).waitFor();
  assert.equal(edge.jobs.size, 2);
});

test("a drawn picture is shown, larger where it is small", async (t) => {
  const { edge, page, panel } = await opened(t);
  await page.getByLabel("dcgan-faces").check();
  await page.getByText("This model needs no input").waitFor();
  assert.equal(await page.getByLabel("seed").getAttribute("placeholder"), "drawn at random");
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await panel.waitFor();
  const [id] = edge.jobs.keys();
  edge.results.set(id, ["image/png", await page.screenshot({ clip: { x: 0, y: 0, width: 64, height: 64 } })]);
  edge.move(id, succeeded());
  const picture = panel.getByRole("img", { name: "The picture that dcgan-faces drew" });
  await picture.waitFor();
  await page.waitForFunction((image) => image.complete && image.width === 192, await picture.elementHandle());
  assert.equal(await panel.getByRole("link", { name: "Download" }).getAttribute("download"), `${id}.png`);
});

test("every kind of parameter is asked for and sent as what it is", async (t) => {
  const { edge, page } = await opened(t);
  await page.getByLabel("every-parameter").check();
  await page.getByLabel("Numbers, as a JSON array").fill("nonsense");
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByText("This is not a JSON array").waitFor();
  await page.getByLabel("Numbers, as a JSON array").fill("[1, 2.5]");
  await page.getByLabel("strength").fill("0.25");
  await page.getByLabel("sharp").uncheck();
  await page.getByLabel("style").selectOption("ornate");
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.locator("article.job").waitFor();
  const sent = JSON.parse(edge.seen.find(({ call }) => call === "POST /v1/jobs").body);
  assert.deepEqual(sent, {
    model: "every-parameter",
    input: { tensor: [1, 2.5] },
    parameters: { strength: 0.25, sharp: false, style: "ornate" },
  });
});

test("a failed job says what to do and runs again as a new one", async (t) => {
  const { edge, page, panel } = await opened(t);
  await submitText(page, "one");
  const [id] = edge.jobs.keys();
  edge.move(id, failed("image-undecodable"));
  await panel.getByText("Save it anew and submit it again.").waitFor();
  await shot(page, "failed");
  await panel.getByRole("button", { name: "Run again" }).click();
  await page.getByRole("heading", { name: "one", level: 1 }).waitFor();
  assert.equal(edge.jobs.size, 2);
  await page.getByText("Number 3 in free-light").waitFor();
});

test("an edge that cannot run a job again says so plainly", async (t) => {
  const { edge, page, panel } = await opened(t, { missing: ["POST /v1/jobs/job_played0001/retry"] });
  await submitText(page, "one");
  edge.move([...edge.jobs.keys()][0], failed("out-of-memory"));
  await panel.getByRole("button", { name: "Run again" }).click();
  await panel.getByText("This edge cannot run a job again by itself yet.").waitFor();
});

test("a waiting job is canceled", async (t) => {
  const { page, panel } = await opened(t);
  await submitText(page, "one");
  await panel.getByRole("button", { name: "Cancel" }).click();
  await panel.getByText("You called it off.").waitFor();
  assert.equal(await panel.getByRole("button", { name: "Cancel" }).count(), 0);
});

test("lines become jobs; where a limit refuses, the rest stays in the form", async (t) => {
  const { edge, page } = await opened(t);
  await page.getByLabel("Text", { exact: true }).fill("one\ntwo\n\nthree");
  await page.getByLabel("Each line is a job of its own").check();
  let submitted = 0;
  const { route } = edge;
  edge.route = function (call) {
    if (call.call === "POST /v1/jobs" && ++submitted === 2)
      return call.refuse(429, "rate-limited", { "retry-after": "7" }, { admitting_plans: ["pro"] });
    return route.call(this, call);
  };
  await page.getByRole("button", { name: "Submit 3 jobs" }).click();
  await page.getByText("A limit of your plan is reached").waitFor();
  await page.getByText("Try again in 7 secs.").waitFor();
  await page.getByText("These plans would let it pass: pro.").waitFor();
  await page.getByText("1 of 3 were accepted").waitFor();
  assert.equal(await page.getByLabel("Text", { exact: true }).inputValue(), "two\nthree");
  await shot(page, "limited");
  await page.getByRole("button", { name: "Submit 2 jobs" }).click();
  await page.getByRole("link", { name: "three" }).waitFor();
  assert.equal(edge.jobs.size, 3);
});

test("an older edge that tells no position is followed as well", async (t) => {
  const { edge, page, panel } = await opened(t, { sockets: false });
  const { add } = edge;
  edge.add = function (fields) {
    const { queue, progress, ...job } = add.call(this, fields);
    this.jobs.set(job.id, job);
    return job;
  };
  await submitText(page, "one");
  await panel.getByText("Waiting in free-light").waitFor();
  edge.move([...edge.jobs.keys()][0], { status: "running", attempt: 1 });
  await panel.getByText("Running on the device").waitFor();
});

test("nothing jumps while a job moves", async (t) => {
  const { edge, page, panel } = await opened(t);
  await submitText(page, "one");
  await watched(edge);
  await page.evaluate(() => {
    globalThis.shifted = 0;
    const count = (list) => list.getEntries().forEach((entry) => (globalThis.shifted += entry.value));
    new PerformanceObserver(count).observe({ type: "layout-shift" });
  });
  const [id] = edge.jobs.keys();
  edge.move(id, { status: "running", attempt: 1, queue: null, progress: { done: 3, total: 10 } });
  await panel.getByText("3 of 10 steps").waitFor();
  edge.move(id, { progress: { done: 9, total: 10 } });
  await panel.getByText("9 of 10 steps").waitFor();
  assert.ok((await page.evaluate(() => globalThis.shifted)) < 0.02);
});

test("a start and a deadline are asked for, in the visitor's own time", async (t) => {
  const { edge, page } = await opened(t, { options: { timezoneId: "Asia/Shanghai" } });
  await page.getByText("More", { exact: true }).click();
  await page.getByText("Time zone: Asia/Shanghai").waitFor();
  const [start, end] = [page.getByLabel("Start no earlier than"), page.getByLabel("Deadline")];
  await page.getByLabel("Text", { exact: true }).fill("later");
  await end.fill("2026-01-01T08:00");
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByRole("alert").getByText("The deadline has passed.").waitFor();
  assert.ok(await end.evaluate((input) => input === document.activeElement), "the focus is where to correct it");
  await end.fill("2099-01-02T08:00");
  await start.fill("2099-01-02T09:30");
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByRole("alert").getByText("The deadline comes before the start.").waitFor();
  assert.equal(edge.jobs.size, 0);
  await start.fill("2099-01-01T09:30");

  edge.refusals.set("POST /v1/jobs", [422, "deadline-infeasible", {}, { earliest_feasible_ms: Date.UTC(2099, 0, 3) }]);
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByText("The earliest that can be met is 3 Jan 2099, 08:00:00.").waitFor();
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByRole("article", { name: "later" }).waitFor();
  const { body } = edge.seen.findLast(({ call }) => call === "POST /v1/jobs");
  const { deadline_ms, not_before_ms } = JSON.parse(body);
  assert.deepEqual([not_before_ms, deadline_ms], [Date.UTC(2099, 0, 1, 1, 30), Date.UTC(2099, 0, 2)]);

  await page.getByLabel("efficientnet-lite0").check();
  assert.equal(await end.inputValue(), "2099-01-02T08:00", "another model has the same times");
  await start.fill("");
  await page.getByLabel("Drop pictures here or choose files").setInputFiles(CAT);
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByRole("article", { name: "chelsea.png" }).waitFor();
  const { query } = edge.seen.findLast(({ call }) => call === "POST /v1/models/efficientnet-lite0/jobs");
  assert.equal(query, `?deadline_ms=${Date.UTC(2099, 0, 2)}`);
});
