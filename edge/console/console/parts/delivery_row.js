import { h, replace } from "../dom.js";
import { duration, near, number } from "../format.js";
import { has, t } from "../strings/index.js";

/**
 * A delivery as a row of a table. `show(delivery)` shows it as it stands now, and gives whether its state is another one;
 * the button is never made anew, so that the focus stays on it.
 */
export function deliveryRow(delivery, onReplay) {
  const cells = Array.from({ length: 6 }, () => h("td", { class: "numbers" }));
  const button = h(
    "button",
    {
      type: "button",
      class: "quiet",
      "aria-label": t("hooks.replayOf", { event: delivery.event, time: near(delivery.created_ms) }),
      onclick: () => button.hasAttribute("aria-disabled") || onReplay(delivery),
    },
    t("hooks.replay"),
  );
  function show(now) {
    const isOther = now.state !== delivery.state;
    delivery = now;
    contentsOf(delivery).forEach((content, at) => replace(cells[at], content));
    // What is to be delivered anyway needs no replay.
    button.toggleAttribute("aria-disabled", delivery.state === "pending");
    return isOther;
  }
  show(delivery);
  return { element: h("tr", {}, cells, h("td", {}, button)), show };
}

function contentsOf({ id, state, event, job_id: jobId, attempts, last, next_attempt_ms: nextMs, created_ms: madeMs }) {
  const name = jobId ? h("a", { href: `#/jobs/${jobId}`, class: "mono" }, event) : h("span", { class: "mono" }, event);
  return [
    stateChip(state),
    [name, h("span", { class: "faint small about mono" }, id)],
    number(attempts),
    last ? [lastLine(last), h("span", { class: "faint small about" }, near(last.at_ms))] : "–",
    nextMs === null || nextMs === undefined ? "–" : near(nextMs),
    near(madeMs),
  ];
}

/** How the last try went: `204 · 35 ms`, `500 · 2 sec`, `No answer in time · 15 sec`. */
function lastLine({ status, error, took_ms: tookMs }) {
  const known = `hooks.error.${error}`;
  const outcome = status ? String(status) : has(known) ? t(known) : (error ?? "–");
  const line = typeof tookMs === "number" ? `${outcome} · ${duration(tookMs)}` : outcome;
  return h("span", { class: error ? "bad" : null }, line);
}

function stateChip(state) {
  const known = has(`hooks.delivery.${state}`);
  return h(
    "span",
    { class: `chip chip-${state}` },
    h("span", { class: "chip-mark", "aria-hidden": "true" }),
    known ? t(`hooks.delivery.${state}`) : state,
  );
}
