// Somebody with a browser. Whatever goes wrong in the page fails the test, whether it was looked at or not.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after, before } from "node:test";

import { launch } from "./browser.mjs";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");

/** A browser for the tests of a file. */
export function browserOfFile() {
  let browser;
  before(async () => {
    browser = await launch();
  });
  after(() => browser?.close());
  return { newContext: (options) => browser.newContext(options) };
}

/**
 * Opens the console for test `t`. Requests that the API refuses are part of the story; everything else that
 * the page complains of must be what the test `expects`.
 */
export async function visit(t, browser, origin, { key, hash = "", expects, ...options } = {}) {
  const context = await browser.newContext({ locale: "en-GB", viewport: { width: 1280, height: 900 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin });
  // Before the page's own policy holds: axe is not the console's.
  await context.addInitScript({ path: AXE });
  if (key) await context.addInitScript(signedIn, key);
  const page = await context.newPage();
  // The cores are shared with whatever is compiled beside.
  page.setDefaultTimeout(60_000);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`${error.stack ?? error}`));
  page.on("console", (message) => {
    const expected = /Failed to load resource|WebSocket connection to/.test(message.text());
    if (["error", "warning"].includes(message.type()) && !expected && !expects?.test(message.text()))
      wrong.push(message.text());
  });
  t.after(async () => {
    await context.close();
    assert.deepEqual(wrong, [], "the page complained");
  });
  await page.goto(`${origin}/console${hash}`);
  await page.locator("main").waitFor();
  return page;
}

/** Writes what is to be seen into the folder CONSOLE_SHOTS, for people to look at. */
export async function shot(page, name) {
  const folder = process.env.CONSOLE_SHOTS;
  if (!folder) return;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}

/** What axe-core finds wrong, each with where. */
export async function violations(page) {
  const found = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return found.violations.map(
    ({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map(({ target }) => target).join(" | ")}`,
  );
}

/** In the page, before it runs: a tab that was signed in once. Who signs out later stays so. */
function signedIn(key) {
  if (sessionStorage.getItem("signed in once")) return;
  sessionStorage.setItem("signed in once", "yes");
  sessionStorage.setItem("forebay.key", key);
}
