import { h, s } from "../dom.js";
import { number } from "../format.js";
import { t } from "../strings/index.js";

/** The most bars: more would be thinner than a pixel. */
const BARS = 96;
/** How many numbers are written out. */
const WRITTEN = 6;

/** A preview of a vector: its numbers as bars around zero, its length, and its first numbers. */
export function vectorOf(values) {
  const shape = vectorShape(values);
  const [min, max] = [number(shape.min, 3), number(shape.max, 3)];
  const first = values
    .slice(0, WRITTEN)
    .map((value) => value.toFixed(4))
    .join("  ");
  return h(
    "div",
    { class: "vector" },
    h("p", {}, h("strong", {}, t("result.vector", { length: number(values.length) }))),
    s(
      "svg",
      {
        viewBox: `0 0 ${shape.bars.length} 2`,
        preserveAspectRatio: "none",
        role: "img",
        "aria-label": t("result.vectorChart", { min, max }),
      },
      shape.bars.map((height, at) =>
        s("rect", { x: at + 0.1, width: 0.8, y: Math.min(1, 1 - height), height: Math.max(Math.abs(height), 0.02) }),
      ),
    ),
    h("p", { class: "faint small" }, t("result.norm", { norm: number(shape.norm, 3), min, max })),
    h("p", { class: "mono small numbers" }, `${first}${values.length > WRITTEN ? "  …" : ""}`),
  );
}

/** What is drawn of a vector: bars from -1 to 1, each the number farthest from zero of its share of them. */
export function vectorShape(values) {
  const farthest = (some) => some.reduce((far, value) => (Math.abs(value) > Math.abs(far) ? value : far), 0);
  const share = Math.max(1, Math.ceil(values.length / BARS));
  const bars = [];
  for (let at = 0; at < values.length; at += share) bars.push(farthest(values.slice(at, at + share)));
  const largest = Math.abs(farthest(values)) || 1;
  return {
    bars: bars.map((bar) => bar / largest),
    min: values.reduce((least, value) => Math.min(least, value), Infinity),
    max: values.reduce((most, value) => Math.max(most, value), -Infinity),
    norm: Math.hypot(...values),
  };
}
