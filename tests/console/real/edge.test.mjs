// The console as the real edge serves it, over real jobs. The end-to-end promise `console_follows_jobs` runs this and
// says where the edge is: CONSOLE_ORIGIN, CONSOLE_KEY, CONSOLE_ADMIN_TOKEN.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";

import { browserOfFile, shot, visit } from "../visitor.mjs";

const { CONSOLE_ORIGIN: origin, CONSOLE_KEY: key, CONSOLE_ADMIN_TOKEN: token } = process.env;
assert.ok(
  origin && key && token,
  "set CONSOLE_ORIGIN, CONSOLE_KEY and CONSOLE_ADMIN_TOKEN, or run the end-to-end tests",
);

const ROOT = join(import.meta.dirname, "../../..");
const FILES = join(ROOT, "edge/console");
const CAT = join(ROOT, "tests/fixtures/chelsea.png");
/** The first job of a model waits while the model loads. */
const PATIENCE = { timeout: 120_000 };

const browser = browserOfFile();

/** A port that was free a moment ago. */
async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Whether the edge has an endpoint: the console must use what there is, and say plainly what there is not. */
async function has(path, bearer = key) {
  const answer = await fetch(`${origin}${path}`, { headers: { authorization: `Bearer ${bearer}` } });
  const { code } = answer.headers.get("content-type") === "application/problem+json" ? await answer.json() : {};
  return !["route-not-found", "method-not-allowed"].includes(code);
}

test("every file is served as what it is, guarded, and not sent again while it is the same", async () => {
  const names = readdirSync(FILES, { recursive: true }).filter((name) => statSync(join(FILES, name)).isFile());
  for (const name of names.filter((name) => name.startsWith("console/"))) {
    const address = `${origin}/${name.replace(/index\.html$/, "")}`;
    const answer = await fetch(address);
    assert.equal(answer.status, 200, name);
    assert.equal(await answer.text(), readFileSync(join(FILES, name), "utf8"), name);
    const { headers } = answer;
    assert.match(headers.get("content-security-policy"), /^default-src 'none'; script-src 'self';/, name);
    assert.equal(headers.get("x-content-type-options"), "nosniff", name);
    assert.equal(headers.get("cache-control"), "no-cache", name);
    const again = await fetch(address, { headers: { "if-none-match": headers.get("etag") } });
    assert.deepEqual([again.status, await again.text()], [304, ""], name);
  }
  const bare = await fetch(`${origin}/console`, { redirect: "manual" });
  assert.deepEqual([bare.status, bare.headers.get("location")], [307, "/console/"]);
});

test("whatever is no file of the console is still the Worker's to answer", async () => {
  for (const path of [
    "/",
    "/console/no-such-file",
    "/_headers",
    "/console/_headers",
    "/v1/no-such-path",
    "/internal/v1/no-such-path",
  ]) {
    // As a browser asks for a page, which servers of files like to answer with a page of their own.
    const answer = await fetch(`${origin}${path}`, { headers: { "sec-fetch-mode": "navigate", accept: "text/html" } });
    assert.equal(answer.headers.get("content-type"), "application/problem+json", path);
    assert.equal((await answer.json()).code, "route-not-found", path);
  }
  assert.equal((await fetch(`${origin}/healthz`)).status, 200);
});

test("a text, a picture and a drawing go their way, told by the way there is", async (t) => {
  const page = await visit(t, browser, origin);
  await page.getByLabel("API key or token").fill(`${key}0`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("API key or token").fill(key);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Submit a job" }).waitFor();

  const sentence = `A dam holds water back until ${Date.now()}.`;
  await page.getByLabel("all-minilm-l6-v2").check();
  await page.getByLabel("Text", { exact: true }).fill(sentence);
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  const text = page.getByRole("article", { name: sentence });
  await text.getByText("A vector of 384 numbers").waitFor(PATIENCE);
  await text.getByText(/^Done in /).waitFor();
  const pushed = await has("/v1/events");
  await page.getByText(pushed ? "Live: changes are pushed" : "asks every few seconds").waitFor();

  await page.getByLabel("efficientnet-lite0").check();
  await page.getByLabel("Drop pictures here or choose files").setInputFiles(CAT);
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  const picture = page.getByRole("article", { name: "chelsea.png" });
  const label = picture.getByRole("listitem").filter({ hasText: "%" }).first();
  await label.waitFor(PATIENCE);
  assert.match(await label.innerText(), /tiger cat\s+37\.9%/);

  await page.getByLabel("dcgan-faces").check();
  await page.getByLabel("count").fill("4");
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByRole("img", { name: "The picture that dcgan-faces drew" }).waitFor(PATIENCE);
  await shot(page, "real-submit");

  await page.getByLabel("all-minilm-l6-v2").check();
  await page.getByLabel("Text", { exact: true }).fill(sentence);
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByText("Answered from the cache").waitFor(PATIENCE);

  await page.getByRole("link", { name: "chelsea.png" }).click();
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  assert.match(await page.locator(".facts").innerText(), /efficientnet-lite0@1[\s\S]*top_k\s+5/);
  await page.getByText("finished after").waitFor();
  await shot(page, "real-job");
});

test("a broken picture fails and says what to do", async (t) => {
  const page = await visit(t, browser, origin, { key });
  const bytes = readFileSync(CAT);
  const broken = { name: "broken.png", mimeType: "image/png", buffer: bytes.subarray(0, bytes.length / 2) };
  await page.getByLabel("efficientnet-lite0").check();
  await page.getByLabel("Drop pictures here or choose files").setInputFiles(broken);
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByText("Save it anew and submit it again.").waitFor(PATIENCE);

  const nothing = { name: "nothing.png", mimeType: "image/png", buffer: Buffer.from("no picture") };
  await page.getByLabel("Drop pictures here or choose files").setInputFiles(nothing);
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByText("This is not a picture of its kind").waitFor();
});

test("a parameter out of range is refused in the API's words", async (t) => {
  const page = await visit(t, browser, origin, { key });
  await page.getByLabel("dcgan-faces").check();
  // Past what the field itself would refuse: whoever changes the page is still told.
  await page.getByLabel("count").evaluate((input) => input.removeAttribute("max"));
  await page.getByLabel("count").fill("65");
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByRole("alert").getByText("Parameter `count` must be a whole number from 1 to 64").waitFor();
});

test("jobs, limits and usage show what this edge tells, and say plainly what it does not", async (t) => {
  const page = await visit(t, browser, origin, { key, hash: "#/limits" });
  await page.getByRole("meter").first().waitFor();
  if (await has("/v1/usage?from=2026-01-01&to=2026-01-02")) {
    await page.getByRole("cell", { name: "all-minilm-l6-v2" }).waitFor();
  } else await page.getByText("This edge does not count usage by day yet.").waitFor();
  await shot(page, "real-limits");

  await page.getByRole("link", { name: "Jobs", exact: true }).click();
  if (await has("/v1/jobs")) await page.getByRole("row").nth(4).waitFor();
  else await page.getByText("This edge does not list jobs yet.").waitFor();
  assert.equal(await page.getByRole("alert").filter({ hasText: /./ }).count(), 0);
});

test("webhooks are added, tested and deleted, or it is said that there are none", async (t) => {
  const page = await visit(t, browser, origin, { key, hash: "#/webhooks" });
  if (!(await has("/v1/webhooks"))) return page.getByText("This edge does not tell webhooks yet.").waitFor();
  const dialog = page.getByRole("dialog");
  // A port that nobody listens on: every try fails, and nothing leaves this machine.
  const address = `http://127.0.0.1:${await freePort()}/hook`;
  await page.getByRole("button", { name: "Add an endpoint" }).click();
  await dialog.getByLabel("Address").fill(address);
  await dialog.getByRole("button", { name: "Add it" }).click();
  assert.match(await dialog.getByLabel("Secret").inputValue(), /^whsec_/);
  await dialog.getByRole("button", { name: "Close" }).click();
  await page.getByRole("link", { name: address }).click();
  await page.getByRole("button", { name: "Send a test" }).click();
  const row = page.getByRole("row").filter({ hasText: "webhook.test" });
  await row.getByText("Not reached").waitFor(PATIENCE);
  await shot(page, "real-webhook");
  await page.getByRole("button", { name: "Delete" }).click();
  await dialog.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("heading", { name: "Webhooks" }).waitFor();
  assert.equal(await page.getByRole("link", { name: address }).count(), 0);
});

test("the operator makes a key that lets in, and revokes it", async (t) => {
  const page = await visit(t, browser, origin, { hash: "#/operator" });
  await page.getByLabel("Operator's token").fill(token);
  await page.getByRole("button", { name: "Show" }).click();
  if (await has("/v1/lanes", token)) await page.getByRole("article").first().waitFor();
  else await page.getByText("This edge does not tell how its lanes stand yet.").waitFor();
  await shot(page, "real-lanes");

  await page.getByRole("link", { name: "Keys" }).click();
  await page.getByRole("button", { name: "New key" }).click();
  const dialog = page.getByRole("dialog");
  const account = `console-${Date.now()}`;
  await dialog.getByLabel("Account").fill(account);
  await dialog.getByLabel("Plan").fill("pro");
  await dialog.getByRole("button", { name: "Create the key" }).click();
  const secret = await dialog.getByLabel("Secret").inputValue();
  await dialog.getByRole("button", { name: "Close" }).click();

  const holder = await visit(t, browser, origin);
  await holder.getByLabel("API key or token").fill(secret);
  await holder.getByRole("button", { name: "Sign in" }).click();
  await holder.getByText(`${account}, plan pro`).waitFor();

  await page.getByLabel("Show keys of one account").fill(account);
  await page.getByRole("button", { name: "Find" }).click();
  await page.getByRole("button", { name: new RegExp(`Revoke key .* of ${account}`) }).click();
  await dialog.getByRole("button", { name: "Revoke" }).click();
  // Others' keys are in the list until it was asked for anew.
  await page.getByRole("row").filter({ hasText: account }).getByText("Revoked", { exact: true }).waitFor();
  await holder.getByRole("link", { name: "Limits" }).click();
  await holder.getByText("The key no longer lets you in.").waitFor();
});
