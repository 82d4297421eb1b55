import assert from "node:assert/strict";
import { test } from "node:test";

import { isFinal, later } from "../../../edge/console/console/live/order.js";

const at = (status, attempt = 0, done = 0) => ({ status, attempt, progress: done ? { done, total: 10 } : null });

test("the later telling stands, in whichever order the two come", () => {
  for (const [earlier, then] of [
    [at("queued"), at("running", 1)],
    [at("running", 1), at("running", 1, 3)],
    [at("running", 1, 3), at("running", 1, 4)],
    [at("running", 1, 4), at("queued", 1)],
    [at("queued", 1), at("running", 2)],
    [at("running", 2), at("succeeded", 2)],
    [at("queued"), at("canceled")],
    [at("failed", 1), at("succeeded", 2)],
    [at("succeeded", 1), at("expired", 1)],
  ]) {
    assert.equal(later(earlier, then), then, `${JSON.stringify(earlier)} then ${JSON.stringify(then)}`);
    assert.equal(later(then, earlier), then, `${JSON.stringify(then)} stays against ${JSON.stringify(earlier)}`);
  }
});

test("what is told first is known, and a cancelation stays", () => {
  const queued = at("queued");
  assert.equal(later(undefined, queued), queued);
  const canceled = at("canceled", 1);
  assert.equal(later(canceled, at("succeeded", 1)), canceled);
});

test("a new position of a job that waits replaces the old one", () => {
  const [third, first] = [3, 1].map((position) => ({ ...at("queued"), queue: { position } }));
  assert.equal(later(third, first), first);
});

test("ends are told apart from the way there", () => {
  for (const status of ["queued", "running"]) assert.equal(isFinal(status), false);
  for (const status of ["succeeded", "failed", "canceled", "expired"]) assert.equal(isFinal(status), true);
});
