import { h } from "../dom.js";
import { t } from "../strings/index.js";

/** A job's status as a chip: a word and a shape, not a colour alone. */
export function statusChip(status) {
  return h(
    "span",
    { class: `chip chip-${status}` },
    h("span", { class: "chip-mark", "aria-hidden": "true" }),
    t(`status.${status}`),
  );
}

/** Which of the three stages a status is in. */
function stageOf(status) {
  return { queued: 0, running: 1 }[status] ?? 2;
}

/** The way of a job: queued, running, done; the present one is marked. */
export function stages(status) {
  const now = stageOf(status);
  const ended = { succeeded: "stage.ended" }[status] ?? `status.${status}`;
  const names = [t("stage.queued"), t("stage.running"), now === 2 ? t(ended) : t("stage.ended")];
  const place = (at) => (at < now ? "passed" : at === now ? `here here-${status}` : "ahead");
  return h(
    "ol",
    { class: "stages" },
    names.map((name, at) => h("li", { class: place(at), "aria-current": at === now && "step" }, name)),
  );
}
