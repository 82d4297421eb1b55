import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";

import * as prettier from "prettier";

const HERE = join(import.meta.dirname, "..");
const ROOTS = [HERE, join(HERE, "../../edge/console")];

test("the console and its tests are formatted: `npm run format`", async () => {
  const config = join(HERE, ".prettierrc");
  const wrong = [];
  for (const root of ROOTS) {
    for (const name of readdirSync(root, { recursive: true })) {
      if (name.startsWith("node_modules") || !/\.(m?js|css|html)$/.test(name)) continue;
      const file = join(root, name);
      const options = await prettier.resolveConfig(file, { config, editorconfig: true });
      const isFormatted = await prettier.check(readFileSync(file, "utf8"), { ...options, filepath: file });
      if (!isFormatted) wrong.push(relative(HERE, file));
    }
  }
  assert.deepEqual(wrong, []);
});
