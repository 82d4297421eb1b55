import assert from "node:assert/strict";
import { test } from "node:test";

import { pointsOf } from "../../../edge/console/console/parts/chart.js";
import { vectorShape } from "../../../edge/console/console/parts/vector.js";

test("samples lie within their box, the largest on top, zero on the floor", () => {
  const points = pointsOf([0, 5, 10], 160, 40);
  assert.deepEqual(points, [
    [0, 37],
    [78.5, 20],
    [157, 3],
  ]);
});

test("one sample, and samples of nothing, can be drawn", () => {
  assert.deepEqual(pointsOf([7], 160, 40), [[157, 3]]);
  assert.deepEqual(pointsOf([0, 0], 160, 40), [
    [0, 37],
    [157, 37],
  ]);
  assert.deepEqual(pointsOf([], 160, 40), []);
});

test("a vector becomes few bars between -1 and 1 that keep its extremes", () => {
  const values = Array.from({ length: 384 }, (_, at) => (at === 200 ? -0.5 : 0.1));
  const shape = vectorShape(values);
  assert.equal(shape.bars.length, 96);
  assert.equal(shape.bars[50], -1);
  assert.deepEqual([shape.min, shape.max], [-0.5, 0.1]);
  assert.ok(Math.abs(shape.norm - Math.sqrt(383 * 0.01 + 0.25)) < 1e-12);
});

test("a vector of zeros, of one number and of none can be drawn", () => {
  assert.deepEqual(vectorShape([0, 0]).bars, [0, 0]);
  assert.deepEqual(vectorShape([3]).bars, [1]);
  assert.deepEqual(vectorShape([]).bars, []);
});
