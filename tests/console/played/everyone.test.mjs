// The console for everyone: without a mouse, without eyes, in the dark, on a phone, in another language.

import assert from "node:assert/strict";
import { test } from "node:test";

import { browserOfFile, shot, violations, visit } from "../visitor.mjs";
import { ADMIN_TOKEN, KEY, playedEdge } from "./edge.mjs";
import { classes, failed, succeeded, usage } from "./samples.mjs";

const browser = browserOfFile();

/** An edge with something to see in every view. */
async function furnished(t) {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const done = edge.add({ model: "efficientnet-lite0", ...succeeded() });
  edge.results.set(done.id, ["application/json", classes()]);
  const ended = [
    done,
    edge.add(failed("image-undecodable")),
    edge.add({ status: "canceled" }),
    edge.add({ status: "expired" }),
  ];
  const running = edge.add({ status: "running", attempt: 1, queue: null, progress: { done: 3, total: 10 } });
  const jobs = [...ended, running, edge.add({ model: "dcgan-faces" })];
  edge.usage = usage();
  edge.webhooks.furnish();
  const key = { account: "acme", plan: "pro", groups: [], created_ms: Date.now(), expires_ms: null };
  edge.keys = ["valid", "expired", "revoked"].map((state, at) => ({
    ...key,
    id: `00000000000${at}`,
    name: state,
    state,
  }));
  return { edge, jobs };
}

const VIEWS = {
  submit: ["#/submit", ".job .labels"],
  jobs: ["#/jobs", "tbody tr"],
  job: ["#/jobs/job_played0001", ".labels"],
  limits: ["#/limits", "tfoot"],
  webhooks: ["#/webhooks", "tbody tr"],
  webhook: ["#/webhooks/wh_played1", "tbody tr"],
  lanes: ["#/operator", ".lanes"],
  keys: ["#/operator/keys", "tbody tr"],
};

async function furnish(page, jobs) {
  const known = JSON.stringify(jobs.map(({ id, model }) => ({ id, about: `${model}.png` })));
  const fill = ([known, token]) => {
    sessionStorage.setItem("forebay.visit", known);
    sessionStorage.setItem("forebay.operator", token);
  };
  await page.evaluate(fill, [known, ADMIN_TOKEN]);
  await page.reload();
}

const LOOKS = {
  light: { colorScheme: "light" },
  dark: { colorScheme: "dark" },
  "zh-dark": { colorScheme: "dark", locale: "zh-CN" },
  phone: { colorScheme: "light", viewport: { width: 360, height: 740 } },
  "zh-phone": { colorScheme: "light", locale: "zh-TW", viewport: { width: 360, height: 740 } },
};

for (const [look, options] of Object.entries(LOOKS)) {
  test(`every view, ${look}: nothing is out of reach, of too little contrast or wider than the screen`, async (t) => {
    const { edge, jobs } = await furnished(t);
    const page = await visit(t, browser, edge.origin, options);
    await page.getByRole("textbox").or(page.locator("input[type=password]")).first().waitFor();
    assert.deepEqual(await violations(page), [], "sign in");
    await shot(page, `${look}-sign-in`);
    await page.evaluate((key) => sessionStorage.setItem("forebay.key", key), KEY);
    await furnish(page, jobs);
    for (const [name, [hash, sign]] of Object.entries(VIEWS)) {
      await page.goto(`${edge.origin}/console/${hash}`);
      await page.locator(sign).first().waitFor();
      assert.deepEqual(await violations(page), [], name);
      const [content, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(content <= screen, `${name} is ${content} wide on a screen of ${screen}`);
      await shot(page, `${look}-${name}`);
    }
    await page.getByRole("button", { name: /New key|新建密钥/ }).click();
    assert.deepEqual(await violations(page), [], "dialog");
    await page.keyboard.press("Escape");
    await page.goto(`${edge.origin}/console/#/webhooks`);
    await page.getByRole("button", { name: /Add an endpoint|添加端点/ }).click();
    assert.deepEqual(await violations(page), [], "dialog of a webhook");
    await shot(page, `${look}-webhook-dialog`);
    await page.keyboard.press("Escape");
    await page.goto(`${edge.origin}/console/#/submit`);
    await page.locator("summary").click();
    assert.deepEqual(await violations(page), [], "times");
    await shot(page, `${look}-times`);
  });
}

test("the way in, a job and the way out need no mouse", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin);
  const focused = () =>
    page.evaluate(() => document.activeElement.textContent || document.activeElement.id || document.activeElement.type);
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  assert.ok(await page.evaluate(() => document.activeElement.getBoundingClientRect().top >= 0), "the skip link shows");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.type(KEY);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Submit a job" }).waitFor();
  assert.equal(await focused(), "Submit a job", "the new view's heading has the focus");
  await page.getByRole("radio").first().waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.type), "radio");
  await page.keyboard.press("ArrowDown");
  await page.getByText("This model needs no input").waitFor();
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Tab");
  await page.keyboard.type("A dam holds water back.");
  for (let pressed = 0; pressed < 3; pressed += 1) await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.getByRole("article", { name: "A dam holds water back." }).waitFor();
  assert.equal(await focused(), "Submit 1 job", "the focus stays where one was");
  await page.locator("#announce", { hasText: "1 job is on its way." }).waitFor({ state: "attached" });
  for (let pressed = 0; !(await focused()).includes("A dam"); pressed += 1) {
    assert.ok(pressed < 5, "the job is not the next thing");
    await page.keyboard.press("Tab");
  }
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Timeline" }).waitFor();
  assert.equal(await focused(), "A dam holds water back.");
  assert.equal(await page.title(), "A dam holds water back. · Forebay");
});

test("an empty form says what is missing, and the focus goes there", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin, { key: KEY });
  await page.getByRole("button", { name: "Submit 1 job" }).click();
  await page.getByRole("alert").getByText("the input is empty").waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "TEXTAREA");
});

test("the language follows the browser, can be changed, and nothing that was typed is lost", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin, { key: KEY, locale: "zh-CN" });
  await page.getByRole("heading", { name: "提交任务" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "zh-CN");
  await page.getByLabel("文本", { exact: true }).fill("水坝");
  await page.getByLabel("语言").selectOption("en");
  await page.getByRole("heading", { name: "Submit a job" }).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  assert.equal(await page.getByLabel("Text", { exact: true }).inputValue(), "水坝");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "SELECT", "the focus stays on the switch");
  await page.reload();
  await page.getByRole("heading", { name: "Submit a job" }).waitFor();
});

test("a language there is no table for is answered in English", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin, { locale: "fr-FR" });
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("the appearance follows the system, can be chosen, and is there before the first paint", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin, { colorScheme: "dark" });
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(await ground(), "rgb(14, 19, 21)");
  await page.getByLabel("Appearance").selectOption("light");
  assert.equal(await ground(), "rgb(245, 247, 247)");
  await page.route("**/app.js", (route) => route.abort());
  await page.goto(`${edge.origin}/console`);
  assert.equal(await ground(), "rgb(245, 247, 247)", "without any module");
});

test("who wants less motion has none", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin, { key: KEY, hash: "#/limits", reducedMotion: "reduce" });
  const bar = page.locator(".meter-fill").first();
  await bar.waitFor();
  assert.equal(await bar.evaluate((element) => getComputedStyle(element).transitionDuration), "0s");
});

test("the page's own policy holds: nothing from elsewhere, nothing inline", async (t) => {
  const edge = await playedEdge();
  t.after(() => edge.stop());
  const page = await visit(t, browser, edge.origin, { expects: /Content Security Policy/ });
  const refused = await page.evaluate(async () => {
    const blocked = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => blocked.push(effectiveDirective));
    const picture = new Image();
    picture.src = "https://elsewhere.invalid/x.png";
    await fetch("https://elsewhere.invalid/").catch(() => {});
    const style = document.createElement("p");
    style.setAttribute("style", "color: red");
    const script = document.createElement("a");
    document.body.append(style, script);
    // They are told when the page has time for it.
    for (const until = Date.now() + 20_000; blocked.length < 3 && Date.now() < until;)
      await new Promise((soon) => setTimeout(soon, 20));
    return blocked.sort();
  });
  assert.deepEqual(refused, ["connect-src", "img-src", "style-src-attr"]);
});
