// The other views, each with what it shows and with what it says where there is nothing to show.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { browserOfFile, shot, visit } from "../visitor.mjs";
import { ADMIN_TOKEN, KEY, playedEdge } from "./edge.mjs";
import { failed, succeeded, usage } from "./samples.mjs";

const browser = browserOfFile();

async function opened(t, hash, { options, ...played } = {}) {
  const edge = await playedEdge(played);
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin, { key: KEY, hash, ...options });
  return { edge, page };
}

test("a wrong key is told, a right one lets in, and neither is left behind", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin);
  const field = page.getByLabel("API key or token");
  await field.fill("fb_wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").getByText("This key is not known").waitFor();
  assert.ok(await field.evaluate((element) => element === document.activeElement), "the focus is where to correct it");
  await shot(page, "sign-in-wrong");
  await field.fill(KEY);
  await field.press("Enter");
  await page.getByRole("heading", { name: "Submit a job" }).waitFor();
  await page.getByText("acme, plan free").waitFor();

  assert.deepEqual(await page.evaluate(() => [Object.values(localStorage), document.cookie, location.search]), [
    [],
    "",
    "",
  ]);
  await page.getByRole("link", { name: "Limits" }).click();
  await page.getByRole("heading", { name: "Limits and usage" }).waitFor();
  assert.ok(
    edge.seen.every(({ call, query = "" }) => !`${call}${query}`.includes("fb_")),
    "a key is in an address",
  );

  await page.reload();
  await page.getByRole("heading", { name: "Limits and usage" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.evaluate(() => JSON.stringify({ ...sessionStorage }).includes("fb_")), false);
});

test("a key that ends while one is signed in leads back to the way in", async (t) => {
  const { edge, page } = await opened(t, "#/jobs");
  edge.refusals.set("GET /v1/quota", [401, "revoked-credentials"]);
  await page.getByRole("link", { name: "Limits" }).click();
  await page.getByText("The key no longer lets you in.").waitFor();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("a service that cannot be reached can be tried again", async (t) => {
  const { edge, page } = await opened(t, "#/jobs");
  await page.getByText("No jobs yet.").waitFor();
  await page.route("**/v1/quota", (route) => route.abort());
  await page.getByRole("link", { name: "Limits" }).click();
  await page.getByText("The service cannot be reached").waitFor();
  await page.unroute("**/v1/quota");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByText("57 of 60 left").waitFor();
  assert.ok(edge.seen.length > 0);
});

test("a page that is opened while the service is away can be tried again", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  edge.refusals.set("GET /v1/quota", [503, "storage-unavailable", { "retry-after": "5" }]);
  const page = await visit(t, browser, edge.origin, { key: KEY, hash: "#/jobs" });
  await page.getByText("The storage cannot be reached").waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "Jobs" }).waitFor();
});

test("an answer that comes late does not replace a later one", async (t) => {
  const { edge, page } = await opened(t, "#/jobs");
  edge.add({ ...failed("out-of-memory"), model: "failed-one" });
  edge.add({ ...succeeded(), model: "good-one" });
  await page.getByText("No jobs yet.").waitFor();
  let release;
  await page.route("**/v1/jobs?status=failed*", async (route) => {
    await new Promise((released) => (release = released));
    await route.continue();
  });
  await page.getByLabel("Status").selectOption("failed");
  await page.getByLabel("Status").selectOption("succeeded");
  await page.getByRole("link", { name: "good-one" }).waitFor();
  const arrived = page.waitForResponse(/status=failed/);
  release();
  await (await arrived).finished();
  await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.deepEqual(await page.locator("tbody a").allInnerTexts(), ["good-one"]);
});

test("the list pages, filters, opens and moves by itself", async (t) => {
  const { edge, page } = await opened(t, "#/jobs");
  for (let made = 0; made < 43; made += 1) edge.add(made % 4 === 0 ? failed("out-of-memory") : succeeded());
  const open = edge.add({ model: "dcgan-faces" });
  await page.reload();
  const rows = page.getByRole("row");
  await rows.nth(20).waitFor();
  assert.equal(await rows.count(), 21);
  edge.move(open.id, { status: "running", attempt: 1, queue: null });
  await rows.nth(1).getByText("Running").waitFor();
  await shot(page, "jobs");
  await page.getByRole("button", { name: "Show more" }).click();
  await rows.nth(40).waitFor();
  assert.ok(
    await rows
      .nth(21)
      .getByRole("link")
      .evaluate((link) => link === document.activeElement),
    "the focus goes on",
  );
  await page.getByRole("button", { name: "Show more" }).click();
  await rows.nth(44).waitFor();
  assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);

  await page.getByLabel("Status").selectOption("failed");
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 11);
  assert.equal(await page.locator("tbody .chip-failed").count(), 11);
  await page.getByLabel("Model").selectOption("dcgan-faces");
  await page.getByText("No job matches.").waitFor();
  await page.getByLabel("Status").selectOption("");
  await page.getByRole("link", { name: "dcgan-faces" }).click();
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
});

test("without a list, the jobs of this tab stand in", async (t) => {
  const { edge, page } = await opened(t, "#/submit", { missing: ["GET /v1/jobs"] });
  await page.getByLabel("Text", { exact: true }).fill("one");
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.locator("article.job").waitFor();
  edge.add({ model: "of-another-tab" });
  await page.getByRole("link", { name: "Jobs", exact: true }).click();
  await page.getByText("This edge does not list jobs yet.").waitFor();
  assert.equal(await page.getByRole("row").count(), 2);
  await page.getByLabel("Status").selectOption("failed");
  await page.getByText("No job matches.").waitFor();
});

test("one job shows where it was and when", async (t) => {
  const { edge, page } = await opened(t, "#/jobs");
  const job = edge.add({ ...succeeded(), parameters: { top_k: 5 } });
  edge.results.set(job.id, ["text/plain", "Once upon a time."]);
  await page.goto(`${edge.origin}/console/#/jobs/${job.id}`);
  await page.getByText("Once upon a time.").waitFor();
  assert.match(await page.locator(".facts").innerText(), /gpu-1[\s\S]*top_k\s+5/);
  assert.match(await page.locator(".timeline").innerText(), /sent to its lane after 12 ms[\s\S]*finished after 350 ms/);
  await page.getByRole("button", { name: "Copy the id" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), job.id);
  await shot(page, "job");
});

test("a job that may not start yet says from when it may", async (t) => {
  const { edge, page } = await opened(t, "#/jobs");
  const job = edge.add({ not_before_ms: Date.now() + 3_600_000 });
  await page.goto(`${edge.origin}/console/#/jobs/${job.id}`);
  await page.getByText("Starts no earlier than").waitFor();
});

test("a place that there is not leads to the form", async (t) => {
  for (const hash of ["#/nowhere", "#/constructor", "#/%E0"]) {
    const { page } = await opened(t, hash);
    await page.getByRole("heading", { name: "Submit a job" }).waitFor();
  }
});

test("a job of somebody else is not there, like one that never was", async (t) => {
  const { page } = await opened(t, "#/jobs/job_of_somebody_else");
  await page.getByText("There is no such job in this account").waitFor();
});

test("limits show what is left, usage by day, and the same as a file", async (t) => {
  const { edge, page } = await opened(t, "#/limits");
  const bar = page.getByRole("meter", { name: /^submit/ });
  await bar.waitFor();
  assert.deepEqual([await bar.getAttribute("aria-valuenow"), await bar.getAttribute("aria-valuemax")], ["3", "60"]);
  await page.getByText("24 mins of 33 mins left").waitFor();
  await page.getByText("Nothing ran in these days.").waitFor();
  edge.usage = usage();
  await page.getByRole("button", { name: "Show", exact: true }).click();
  await page.getByRole("cell", { name: "1,200" }).waitFor();
  assert.match(await page.locator("tfoot").innerText(), /Total\s+1,510\s+2/);
  await shot(page, "limits");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: "Download CSV" }).click(),
  ]);
  assert.match(download.suggestedFilename(), /^usage-\d{4}-\d\d-\d\d-\d{4}-\d\d-\d\d\.csv$/);
  assert.ok(readFileSync(await download.path(), "utf8").length > 0);
  assert.equal(edge.seen.findLast(({ call }) => call === "GET /v1/usage").headers.accept, "text/csv");
});

test("what an older edge does not tell is said in a plain sentence", async (t) => {
  const { edge, page } = await opened(t, "#/limits", {
    missing: ["GET /v1/usage", "GET /v1/lanes", "GET /v1/webhooks"],
  });
  await page.getByText("This edge does not count usage by day yet.").waitFor();
  await page.getByRole("link", { name: "Webhooks" }).click();
  await page.getByText("This edge does not tell webhooks yet.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Add an endpoint" }).count(), 0);
  await page.evaluate((token) => sessionStorage.setItem("forebay.operator", token), ADMIN_TOKEN);
  await page.goto(`${edge.origin}/console/#/operator`);
  await page.getByText("This edge does not tell how its lanes stand yet.").waitFor();
  assert.equal(await page.getByRole("alert").count(), 0, "it is no error");
});

/** What a lane's meter says, to people who see it and who hear it. */
async function meterOf(lane) {
  const meter = lane.getByRole("meter", { name: "Capacity, refuses when full" });
  await meter.waitFor();
  const [now, most, text] = await Promise.all(
    ["aria-valuenow", "aria-valuemax", "aria-valuetext"].map((name) => meter.getAttribute(name)),
  );
  assert.ok(await lane.getByText(text, { exact: true }).isVisible());
  // Browsers differ in how they shorten seconds.
  return {
    now,
    most,
    text: text.replaceAll("secs", "sec"),
    isHigh: (await meter.locator(".meter-high").count()) === 1,
  };
}

test("a lane over its capacity is full, and one of an older edge has no meter", async (t) => {
  const { edge, page } = await opened(t, "#/operator", { options: {} });
  const [over, older] = edge.lanes;
  Object.assign(over, { work_ms: 6000 });
  delete older.capacity_ms;
  await page.evaluate((token) => sessionStorage.setItem("forebay.operator", token), ADMIN_TOKEN);
  await page.reload();
  const lane = page.getByRole("article", { name: over.lane });
  assert.deepEqual(await meterOf(lane), { now: "5000", most: "5000", text: "6 sec of 5 sec, 120.0%", isHigh: true });
  const other = page.getByRole("article", { name: older.lane });
  await other.getByText("Work that waits").waitFor();
  assert.equal(await other.getByRole("meter").count(), 0);
});

test("the operator sees lanes move, and what is cut off", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin, { hash: "#/operator" });
  await page.getByLabel("Operator's token").fill("not-it");
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("This key is not known").waitFor();
  await page.getByLabel("Operator's token").fill(ADMIN_TOKEN);
  await page.getByRole("button", { name: "Show" }).click();
  const lane = page.getByRole("article", { name: "free-light" });
  await lane.getByText(/dcgan-faces@2: cut off until \d\d:/).waitFor();
  await lane.getByText("lowered to 40.0%").waitFor();
  await lane.getByText("There is no forecast until the rate is measured.").waitFor();
  const measured = page.getByRole("article", { name: "paid-light" });
  await measured.getByText("Drained in about 163 ms, if the rate stays as it is and nothing new comes.").waitFor();
  await lane.getByText("Of the last 64 jobs, 91.0% ended by the p90 they were told.").waitFor();
  await page.getByText("The lane does not answer").waitFor();
  assert.deepEqual(await meterOf(lane), { now: "4800", most: "5000", text: "4.8 sec of 5 sec, 96.0%", isHigh: true });
  const calm = { now: "160", most: "5000", text: "160 ms of 5 sec, 3.2%", isHigh: false };
  assert.deepEqual(await meterOf(measured), calm);
  edge.lanes = edge.lanes.map((lane) => ({ ...lane, depth: 7 }));
  await lane.getByRole("img", { name: "Jobs that wait: now 7, between 7 and 120 over 2 samples" }).waitFor();
  await shot(page, "lanes");
  await page.getByRole("button", { name: "Forget the token" }).click();
  await page.getByLabel("Operator's token").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
});

test("the operator makes, rotates and revokes a key; a secret is shown once", async (t) => {
  const { edge, page } = await opened(t, "#/operator/keys", { options: {} });
  await page.evaluate((token) => sessionStorage.setItem("forebay.operator", token), ADMIN_TOKEN);
  await page.reload();
  await page.getByText("No key yet.").waitFor();
  const opener = page.getByRole("button", { name: "New key" });
  await opener.click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Account").fill("acme");
  await dialog.getByLabel("Plan").fill("gold");
  await dialog.getByRole("button", { name: "Create the key" }).click();
  await dialog.getByRole("alert").getByText("Title of invalid-field").waitFor();
  await dialog.getByLabel("Plan").fill("pro");
  await dialog.getByLabel("Groups").fill("staff, testers");
  await dialog.getByRole("button", { name: "Create the key" }).click();
  assert.equal(await dialog.getByLabel("Secret").inputValue(), "fb_secret_of_acme");
  await dialog.getByLabel("Secret").press("Enter");
  assert.equal(edge.keys.length, 1, "return in the secret's field makes no second key");
  await shot(page, "key-made");
  await dialog.getByRole("button", { name: "Copy" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "fb_secret_of_acme");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.ok(await opener.evaluate((button) => button === document.activeElement), "the focus goes back");
  assert.equal(await page.getByText("fb_secret_of_acme").count(), 0);

  await page.getByRole("button", { name: "Rotate key 000000000000 of acme" }).click();
  await dialog.getByLabel("Grace in hours").fill("2");
  await dialog.getByRole("button", { name: "Rotate" }).click();
  assert.equal(await dialog.getByLabel("Secret").inputValue(), "fb_rotated_7200");
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("button", { name: "Revoke key 000000000000 of acme?" }).click();
  await dialog.getByRole("button", { name: "Keep it" }).click();
  await page.getByText("Valid").waitFor();
  await page.getByRole("button", { name: "Revoke key 000000000000 of acme?" }).click();
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await page.getByText("Revoked", { exact: true }).waitFor();
  await shot(page, "keys");
});
