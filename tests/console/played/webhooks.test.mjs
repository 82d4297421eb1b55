// Webhooks: an endpoint's whole life, and what is delivered to it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { browserOfFile, shot, violations, visit } from "../visitor.mjs";
import { KEY, playedEdge } from "./edge.mjs";

const browser = browserOfFile();

async function opened(t, hash, furnish = () => {}) {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  furnish(edge.webhooks);
  const page = await visit(t, browser, edge.origin, { key: KEY, hash });
  return { edge, page, dialog: page.getByRole("dialog"), hooks: edge.webhooks };
}

const sent = (edge, call) => edge.seen.filter((one) => one.call === call).map(({ body }) => JSON.parse(body));
const hasFocus = (locator) => locator.evaluate((element) => element === document.activeElement);

test("an endpoint is added; its secret is shown once, copied, and nowhere afterwards", async (t) => {
  const { edge, page, dialog, hooks } = await opened(t, "#/webhooks");
  await page.getByText("No endpoint yet.").waitFor();
  const opener = page.getByRole("button", { name: "Add an endpoint" });
  await opener.click();
  await dialog.getByLabel("Address").fill("https://10.0.0.1/hook");
  await dialog.getByRole("button", { name: "Add it" }).click();
  await dialog.getByRole("alert").getByText("Title of invalid-request").waitFor();
  await dialog.getByLabel("Address").fill("https://example.com/hook");
  for (const end of ["Done", "Failed", "Canceled", "Expired"]) await dialog.getByLabel(end).uncheck();
  await dialog.getByRole("button", { name: "Add it" }).click();
  await dialog.getByRole("alert").getByText("Choose at least one").waitFor();
  await dialog.getByLabel("Failed").check();
  await dialog.getByLabel("Description").fill("Tells the shop");
  await dialog.getByRole("button", { name: "Add it" }).click();
  const secret = dialog.getByLabel("Secret");
  assert.equal(await secret.inputValue(), "whsec_1");
  assert.ok(await hasFocus(secret), "what is to be copied has the focus");
  await shot(page, "webhook-made");
  await secret.press("Enter");
  assert.equal(hooks.endpoints.length, 1, "return in the secret's field makes no second one");
  await dialog.getByRole("button", { name: "Copy" }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), "whsec_1");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  assert.ok(await hasFocus(opener), "the focus goes back");
  assert.ok(!(await page.content()).includes("whsec_"));
  assert.ok(!(await page.evaluate(() => JSON.stringify({ ...sessionStorage, ...localStorage }))).includes("whsec_"));
  assert.deepEqual(sent(edge, "POST /v1/webhooks").at(-1), {
    url: "https://example.com/hook",
    events: ["job.failed"],
    description: "Tells the shop",
  });
  await page.getByRole("row", { name: /^On https:\/\/example\.com\/hook Tells the shop Failed/ }).waitFor();
});

test("an endpoint is switched off and on, edited, given a new secret, and deleted after a question", async (t) => {
  const { edge, page, dialog, hooks } = await opened(t, "#/webhooks", (hooks) => hooks.furnish());
  await page.getByRole("row").nth(3).waitFor();
  await page.getByRole("row", { name: /^Off: gone https:\/\/gone\.example\/hook Failed/ }).waitFor();
  await page.getByRole("link", { name: "https://example.com/hook" }).click();
  await page.getByRole("heading", { name: "https://example.com/hook" }).waitFor();
  const change = "PATCH /v1/webhooks/wh_played1";

  await page.getByRole("button", { name: "Switch off" }).click();
  const on = page.getByRole("button", { name: "Switch on" });
  await on.waitFor();
  assert.ok(await hasFocus(on), "the focus stays on the switch");
  await page.getByText("Off", { exact: true }).waitFor();
  await page.locator("#announce", { hasText: "nothing is delivered" }).waitFor({ state: "attached" });
  await on.click();
  await page.getByText("On", { exact: true }).waitFor();
  assert.deepEqual(sent(edge, change), [{ enabled: false }, { enabled: true }]);

  await page.getByRole("button", { name: "Edit" }).click();
  assert.equal(await dialog.getByLabel("Description").inputValue(), "Tells the shop");
  await dialog.getByLabel("Address").fill("https://example.com/other");
  await dialog.getByLabel("Description").fill("");
  await dialog.getByLabel("Expired").uncheck();
  await dialog.getByRole("button", { name: "Save" }).click();
  await page.getByRole("heading", { name: "https://example.com/other" }).waitFor();
  await page.getByText("Done, Failed, Canceled").waitFor();
  const events = ["job.succeeded", "job.failed", "job.canceled"];
  assert.deepEqual(sent(edge, change).at(-1), { url: "https://example.com/other", events, description: "" });

  await page.getByRole("button", { name: "New secret" }).click();
  await dialog.getByText("For 24 hours both secrets sign").waitFor();
  await dialog.getByRole("button", { name: "New secret" }).click();
  assert.equal(await dialog.getByLabel("Secret").inputValue(), "whsec_rotated_wh_played1");
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByText("the older one signs too until").waitFor();

  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Keep it" }).click();
  assert.equal(hooks.endpoints.length, 3);
  await page.getByRole("button", { name: "Delete" }).click();
  await shot(page, "webhook-delete");
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { name: "Webhooks" }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 2);
  await page.goto(`${edge.origin}/console/#/webhooks/wh_played1`);
  await page.getByText("There is no such endpoint in this account.").waitFor();
});

test("the log tells how each delivery went, and moves by itself", async (t) => {
  const { page, hooks } = await opened(t, "#/webhooks/wh_played1", (hooks) => hooks.furnish());
  const row = (text) => page.getByRole("row").filter({ hasText: text });
  await row("Pending").getByText("500 · 1.2 secs").waitFor();
  assert.match(await row("Pending").innerText(), /job\.failed[\s\S]*msg_played0006\s+2\s/);
  await row("Delivered").getByText("204 · 35 ms").waitFor();
  await row("Failed").getByText("No answer in time · 15 secs").waitFor();

  const [pending] = hooks.deliveries.get("wh_played1");
  const last = { at_ms: Date.now(), status: 200, error: null, took_ms: 12 };
  Object.assign(pending, { state: "delivered", attempts: 3, next_attempt_ms: null, last });
  await row("msg_played0006").getByText("Delivered").waitFor();
  await page.locator("#announce", { hasText: "job.failed: Delivered" }).waitFor({ state: "attached" });
  hooks.deliver("wh_played1", { event: "job.canceled" });
  await row("job.canceled").waitFor();
  assert.match(await page.getByRole("row").nth(1).innerText(), /job\.canceled/);
});

test("what failed is delivered once more, by keyboard, and the focus stays", async (t) => {
  const { edge, page, hooks } = await opened(t, "#/webhooks/wh_played1", (hooks) => hooks.furnish());
  const row = page.getByRole("row").filter({ hasText: "msg_played0004" });
  const replay = row.getByRole("button", { name: /^Replay job\.succeeded of / });
  await row.getByText("Failed").waitFor();
  await replay.focus();
  await page.keyboard.press("Enter");
  await row.getByText("Pending").waitFor();
  assert.ok(await hasFocus(replay), "the focus stays");
  await page.keyboard.press("Enter");
  await page.locator("#announce", { hasText: "It is delivered once more." }).waitFor({ state: "attached" });
  const call = "POST /v1/webhooks/wh_played1/deliveries/msg_played0004/replay";
  assert.equal(edge.seen.filter((one) => one.call === call).length, 1, "what is pending is not replayed again");
  const [, , failed] = hooks.deliveries.get("wh_played1");
  const last = { at_ms: Date.now(), status: 200, error: null, took_ms: 12 };
  Object.assign(failed, { state: "delivered", attempts: 11, next_attempt_ms: null, last });
  await row.getByText("Delivered").waitFor();
  assert.ok(await hasFocus(replay), "the focus stays");
  edge.refusals.set(call, [429, "rate-limited", { "retry-after": "5" }]);
  await page.keyboard.press("Enter");
  await page.getByText("A limit of your plan is reached").waitFor();
});

test("a test is sent and seen in the log at once", async (t) => {
  const { page, hooks } = await opened(t, "#/webhooks/wh_played1", (hooks) => hooks.add({}));
  await page.getByText("Nothing was delivered yet.").waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "Send a test" }).click();
  const row = page.getByRole("row").filter({ hasText: "webhook.test" });
  await row.getByText("Pending").waitFor();
  assert.equal(await row.getByRole("link").count(), 0, "it is of no job");
  const [sent] = hooks.deliveries.get("wh_played1");
  const last = { at_ms: Date.now(), status: null, error: "refused-address", took_ms: 1 };
  Object.assign(sent, { state: "failed", attempts: 1, next_attempt_ms: null, last });
  await row.getByText("Address not allowed · 1 ms").waitFor();
});

test("a long log pages, and goes on moving", async (t) => {
  const { page, hooks } = await opened(t, "#/webhooks/wh_played1", (hooks) => {
    hooks.add({});
    for (let made = 0; made < 45; made += 1) hooks.deliver("wh_played1", { state: "delivered", attempts: 1 });
  });
  const rows = page.getByRole("row");
  await rows.nth(20).waitFor();
  assert.equal(await rows.count(), 21);
  await page.getByRole("button", { name: "Show more" }).click();
  await rows.nth(40).waitFor();
  assert.ok(await hasFocus(rows.nth(21).getByRole("button")), "the focus goes on");
  await page.getByRole("button", { name: "Show more" }).click();
  await rows.nth(45).waitFor();
  assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
  hooks.deliver("wh_played1", { event: "job.expired" });
  await rows.nth(1).getByText("job.expired").waitFor();
  assert.equal(await rows.count(), 47, "what was shown stays");
  for (let made = 0; made < 25; made += 1) hooks.deliver("wh_played1", { event: "job.failed" });
  await page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 20);
  await page.getByRole("button", { name: "Show more" }).click();
  await rows.nth(40).waitFor();
  assert.match(await rows.nth(26).innerText(), /job\.expired/, "no gap is hidden");
});

test("why an endpoint was switched off is said, with what to do", async (t) => {
  const { page } = await opened(t, "#/webhooks/wh_played2", (hooks) => hooks.furnish());
  await page.getByText("It answered 410, that it wants no more.").waitFor();
  await page.getByText("Off: gone").waitFor();
});
