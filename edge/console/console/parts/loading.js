import { h, replace } from "../dom.js";
import { t } from "../strings/index.js";
import { problemNote } from "./problem_note.js";

/** How often each place was filled: an answer that a later one overtook is dropped. */
const turns = new WeakMap();

/**
 * Fills `place` with what `load(signal)` comes to: something like it while it loads, the problem where it fails.
 *
 * The place keeps its height meanwhile, so that nothing below it jumps.
 */
export async function fillFrom(place, load, show, signal) {
  const turn = (turns.get(place) ?? 0) + 1;
  turns.set(place, turn);
  const late = () => signal.aborted || turns.get(place) !== turn;
  const height = place.offsetHeight;
  if (height > 0) place.style.setProperty("min-height", `${height}px`);
  if (place.childElementCount === 0) replace(place, h("p", { class: "faint loading" }, t("app.loading")));
  place.setAttribute("aria-busy", "true");
  try {
    const loaded = await load(signal);
    if (!late()) replace(place, show(loaded));
  } catch (error) {
    if (late()) return;
    replace(place, problemNote(error, { onRetry: () => fillFrom(place, load, show, signal) }));
  } finally {
    if (!late()) {
      place.removeAttribute("aria-busy");
      place.style.removeProperty("min-height");
    }
  }
}

/** Calls `act` every `ms` while the page is seen, until `signal` aborts. */
export function every(ms, act, signal) {
  const timer = setInterval(() => document.hidden || act(), ms);
  signal.addEventListener("abort", () => clearInterval(timer));
}
