import { h } from "../dom.js";
import { has, t } from "../strings/index.js";

/** How jobs end: what an endpoint may be told of. */
export const ENDS = ["succeeded", "failed", "canceled", "expired"];

/** What an endpoint is told of, in words. */
export function toldOf({ events }) {
  if (ENDS.every((end) => events.includes(`job.${end}`))) return t("hooks.allEvents");
  return ENDS.filter((end) => events.includes(`job.${end}`))
    .map((end) => t(`status.${end}`))
    .join(", ");
}

/** Whether an endpoint is on, as a chip: a word and a shape, not a colour alone. */
export function stateChip({ enabled, disabled_because: because }) {
  const state = enabled ? "enabled" : has(`hooks.state.${because}`) ? because : "by_you";
  return h(
    "span",
    { class: `chip chip-${state}` },
    h("span", { class: "chip-mark", "aria-hidden": "true" }),
    t(`hooks.state.${state}`),
  );
}
