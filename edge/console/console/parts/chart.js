import { s } from "../dom.js";

const WIDTH = 160;
const HEIGHT = 40;

/** A small line of the last samples, with the latest one marked. `label` says it in words. */
export function sparkline(values, label) {
  const points = pointsOf(values, WIDTH, HEIGHT);
  const line = points.map(([x, y]) => `${x},${y}`).join(" ");
  const [lastX, lastY] = points.at(-1) ?? [0, HEIGHT];
  return s(
    "svg",
    {
      viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
      class: "spark",
      role: "img",
      "aria-label": label,
      preserveAspectRatio: "none",
    },
    points.length > 1 && s("polygon", { points: `0,${HEIGHT} ${line} ${lastX},${HEIGHT}`, class: "spark-area" }),
    s("polyline", { points: line, class: "spark-line" }),
    // A stroke of no length: a circle would be stretched with the chart.
    s("path", { d: `M${lastX} ${lastY}h0`, class: "spark-now" }),
  );
}

/** Where samples lie in a box whose floor is zero; a margin keeps strokes and the mark inside. */
export function pointsOf(values, width, height) {
  const margin = 3;
  const most = Math.max(...values, 0) || 1;
  const step = values.length > 1 ? (width - margin) / (values.length - 1) : 0;
  // One alone is the latest, and so on the right.
  const from = values.length > 1 ? 0 : width - margin;
  return values.map((value, at) => [
    round(from + at * step),
    round(height - margin - (value / most) * (height - 2 * margin)),
  ]);
}

function round(value) {
  return Math.round(value * 10) / 10;
}
