import assert from "node:assert/strict";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";

const FOLDER = join(import.meta.dirname, "../../../edge/console/console");
const MOST_GZIP_BYTES = 100_000;
const MOST_LINES = 200;

const files = readdirSync(FOLDER, { recursive: true }).filter((name) => statSync(join(FOLDER, name)).isFile());
const text = (name) => readFileSync(join(FOLDER, name), "utf8");

test("the whole console is small, each file compressed by itself as it is sent", (t) => {
  const bytes = files.reduce((sum, name) => sum + gzipSync(readFileSync(join(FOLDER, name))).length, 0);
  t.diagnostic(`console: ${files.length} files, ${bytes} bytes gzip (limit ${MOST_GZIP_BYTES})`);
  assert.ok(bytes < MOST_GZIP_BYTES, `${bytes} bytes`);
});

test("every module is fetched at once, and none twice", () => {
  const listed = [...text("index.html").matchAll(/modulepreload" href="([^"]+)"/g)].map(([, name]) => name);
  const modules = files.filter((name) => name.endsWith(".js") && name !== "app.js" && name !== "theme.js");
  assert.deepEqual(listed.sort(), modules.sort());
});

test("no module is longer than a few screens", () => {
  const long = files.filter((name) => name.endsWith(".js") && text(name).split("\n").length > MOST_LINES);
  assert.deepEqual(long, []);
});

test("nothing is loaded from elsewhere and nothing reads HTML", () => {
  for (const name of files.filter((name) => /\.(js|css|html)$/.test(name))) {
    const from = text(name).replaceAll("http://www.w3.org/2000/svg", "");
    assert.doesNotMatch(from, /https?:\/\/|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(/, name);
  }
});
