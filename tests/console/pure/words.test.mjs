import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { TABLES, locale, speak, t } from "../../../edge/console/console/strings/index.js";

const FOLDER = join(import.meta.dirname, "../../../edge/console/console");
const modules = readdirSync(FOLDER, { recursive: true }).filter(
  (name) => name.endsWith(".js") && !name.startsWith("strings"),
);
const code = modules.map((name) => readFileSync(join(FOLDER, name), "utf8")).join("\n");
const fieldsOf = (entry) => [...new Set(JSON.stringify(entry).match(/\{\w+\}/g) ?? [])].sort();

test("every language has the same strings, with the same fields in them", () => {
  const { en, ...others } = TABLES;
  for (const [language, table] of Object.entries(others)) {
    assert.deepEqual(Object.keys(table).sort(), Object.keys(en).sort(), language);
    for (const name of Object.keys(en))
      assert.deepEqual(fieldsOf(table[name]), fieldsOf(en[name]), `${language} ${name}`);
  }
});

test("every string that is asked for by its name is there", () => {
  const asked = [...code.matchAll(/\bt\(\s*"([^"]+)"/g)].map(([, name]) => name);
  assert.ok(asked.length > 50);
  assert.deepEqual(
    asked.filter((name) => !(name in TABLES.en)),
    [],
  );
});

test("no string is kept that nobody asks for", () => {
  const stems = [...code.matchAll(/`([\w.]+\.)\$\{/g)].map(([, stem]) => stem);
  const used = (name) => code.includes(`"${name}"`) || stems.some((stem) => name.startsWith(stem));
  assert.deepEqual(
    Object.keys(TABLES.en).filter((name) => !used(name)),
    [],
  );
});

test("numbers choose the form, fields fill the gaps", () => {
  speak("en");
  assert.equal(t("submit.go", { count: 1 }), "Submit 1 job");
  assert.equal(t("submit.go", { count: 2 }), "Submit 2 jobs");
  speak("zh");
  assert.equal(t("job.position", { position: 3, lane: "free-light" }), "free-light 中第 3 位");
  speak("en");
});

test("dates and numbers follow the browser where it fits the language", () => {
  for (const [language, tags, expect] of [
    ["en", ["de-DE", "en-GB", "en-US"], "en-GB"],
    ["en", ["en-US@posix"], "en"],
    ["en", [], "en"],
    ["zh", ["en-US", "zh-TW", "zh-SG"], "zh-SG"],
    ["zh", ["zh-TW"], "zh-CN"],
    ["xx", ["xx"], "en"],
  ]) {
    speak(language, tags);
    assert.equal(locale(), expect, `${language} ${tags}`);
    assert.ok(Intl.NumberFormat.supportedLocalesOf(locale()).length > 0);
  }
  speak("en");
});
