import { h } from "../dom.js";
import { duration, near, number } from "../format.js";
import { every, fillFrom } from "../parts/loading.js";
import { meter } from "../parts/meter.js";
import { t } from "../strings/index.js";
import { usageSection } from "./usage.js";

const REFRESH_MS = 15_000;

/** How much of each limit is left, and what was used by day. */
export function limitsView(room) {
  const place = h("div", { class: "reserve-medium" });
  const show = () => fillFrom(place, room.api.quota, metersOf, room.signal);
  show();
  every(REFRESH_MS, show, room.signal);
  return h(
    "div",
    { class: "reading stack" },
    h("h1", { tabindex: "-1" }, t("limits.title")),
    place,
    usageSection(room),
  );
}

function metersOf({ plan, limits }) {
  return h(
    "section",
    { class: "card", "aria-labelledby": "plan" },
    h("h2", { id: "plan" }, t("limits.plan", { plan })),
    limits.length === 0 ? h("p", { class: "empty" }, t("limits.none")) : limits.map(limitMeter),
  );
}

function limitMeter({ name, scope, unit, window, limit, used, remaining, resets_ms: resetsMs }) {
  const counted = window === null ? t("limits.inFlight") : unit === "cost" ? t("limits.cost") : t("limits.requests");
  const told = [counted, scope && t("limits.shared", { scope })];
  if (resetsMs !== null && used > 0) told.push(t("limits.resets", { time: near(resetsMs) }));
  // What costs is counted in device milliseconds: a length of time, whatever its length.
  const amount = unit === "cost" ? duration : number;
  return meter({
    name,
    detail: told.filter(Boolean).join(" · "),
    used,
    limit,
    after: t("limits.left", { remaining: amount(remaining), limit: amount(limit) }),
  });
}
