import { h, replace } from "../dom.js";
import { t } from "../strings/index.js";
import { problemNote } from "./problem_note.js";

/**
 * Fills `place` with what `load(signal)` comes to: something like it while it loads, the problem where it fails.
 *
 * The place keeps its height meanwhile, so that nothing below it jumps.
 */
export async function fillFrom(place, load, show, signal) {
  const height = place.offsetHeight;
  if (height > 0) place.style.setProperty("min-height", `${height}px`);
  if (place.childElementCount === 0) replace(place, h("p", { class: "faint loading" }, t("app.loading")));
  place.setAttribute("aria-busy", "true");
  try {
    const loaded = await load(signal);
    if (!signal.aborted) replace(place, show(loaded));
  } catch (error) {
    if (signal.aborted) return;
    replace(place, problemNote(error, { onRetry: () => fillFrom(place, load, show, signal) }));
  } finally {
    place.removeAttribute("aria-busy");
    place.style.removeProperty("min-height");
  }
}

/** Calls `act` every `ms` while the page is seen, until `signal` aborts. */
export function every(ms, act, signal) {
  const timer = setInterval(() => document.hidden || act(), ms);
  signal.addEventListener("abort", () => clearInterval(timer));
}
