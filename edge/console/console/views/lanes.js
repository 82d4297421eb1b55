import { h } from "../dom.js";
import { clock, duration, number, percent } from "../format.js";
import { sparkline } from "../parts/chart.js";
import { every, fillFrom } from "../parts/loading.js";
import { meter } from "../parts/meter.js";
import { plainNote } from "../parts/problem_note.js";
import { t } from "../strings/index.js";

const SAMPLE_MS = 3000;
/** How many samples are kept of a lane: three minutes. */
const KEPT = 60;
/** Fewer estimates say nothing about the next one. */
const FEWEST_ESTIMATES = 20;

/** Samples by lane, oldest first: they outlive the view, so that coming back shows what was there. */
const history = new Map();

/** How the lanes stand, sample by sample. */
export function lanesView({ api, signal }) {
  const place = h("div", { class: "reserve" });
  const load = async (signal) => {
    try {
      const lanes = await api.lanes(signal);
      lanes.forEach(remember);
      return lanes;
    } catch (problem) {
      if (problem.notThere) return null;
      throw problem;
    }
  };
  const show = () => fillFrom(place, load, cardsOf, signal);
  show();
  every(SAMPLE_MS, show, signal);
  return h("section", { "aria-label": t("lanes.title") }, place);
}

function remember(lane) {
  if (lane.reachable === false) return;
  const samples = history.get(lane.lane) ?? [];
  history.set(lane.lane, [...samples, lane].slice(-KEPT));
}

function cardsOf(lanes) {
  if (lanes === null) return plainNote(t("lanes.missing"));
  if (lanes.length === 0) return h("p", { class: "empty" }, t("lanes.none"));
  return h("div", { class: "lanes" }, lanes.map(cardOf));
}

function cardOf(lane) {
  const name = h("h2", { class: "mono" }, lane.lane);
  if (lane.reachable === false)
    return h(
      "article",
      { class: "card", "aria-label": lane.lane },
      name,
      h("p", { class: "bad" }, t("lanes.unreachable")),
    );
  const samples = history.get(lane.lane) ?? [lane];
  const pace = duration(SAMPLE_MS);
  return h(
    "article",
    { class: "card", "aria-label": lane.lane },
    name,
    h(
      "div",
      { class: "figures" },
      figure(t("lanes.depth"), samples, ({ depth }) => depth, number),
      figure(t("lanes.work"), samples, ({ work_ms: ms }) => ms, duration),
      figure(
        t("lanes.rate"),
        samples,
        ({ rate }) => rate,
        (rate) => t("lanes.rateValue", { rate: number(rate) }),
      ),
      figure(t("lanes.eta"), samples, ({ eta_ms: eta }) => eta?.p50 ?? eta, duration),
    ),
    capacityOf(lane),
    h("p", {}, forecastLine(lane)),
    h("p", {}, `${t("lanes.multiplier")}: `, h("strong", {}, rates(lane.multiplier))),
    h("h3", {}, t("lanes.breakers")),
    breakersOf((lane.breakers ?? []).filter(({ state }) => state !== "closed")),
    errorLine(lane),
    h("p", { class: "faint small" }, t("lanes.samples", { count: samples.length, pace })),
  );
}

function figure(name, samples, valueOf, format) {
  const values = samples.map(valueOf).filter((value) => typeof value === "number");
  if (values.length === 0)
    return h(
      "div",
      { class: "figure" },
      h("p", { class: "faint small" }, name),
      h("p", { class: "figure-now" }, t("lanes.unknown")),
    );
  const now = format(values.at(-1));
  const [min, max] = [Math.min(...values), Math.max(...values)].map(format);
  const label = t("lanes.chart", { name, now, min, max, count: values.length });
  return h(
    "div",
    { class: "figure" },
    h("p", { class: "faint small" }, name),
    h("p", { class: "figure-now" }, now),
    sparkline(values, label),
  );
}

/** The work of jobs that have not ended against the lane's limit; an older edge does not tell that. */
function capacityOf({ work_ms: used, capacity_ms: limit }) {
  if (!(limit > 0) || typeof used !== "number") return null;
  const after = t("lanes.capacityUsed", { used: duration(used), limit: duration(limit), share: percent(used / limit) });
  return meter({ name: t("lanes.capacity"), detail: t("lanes.capacityLead"), used, limit, after });
}

/** When the lane would be empty: the work that waits by the measured rate, in device milliseconds a second. */
function forecastLine({ work_ms: workMs, rate }) {
  if (!(workMs > 0)) return t("lanes.idle");
  return rate > 0 ? t("lanes.drained", { time: duration((workMs / rate) * 1000) }) : t("lanes.noForecast");
}

function rates(multiplier) {
  if (typeof multiplier !== "number") return t("lanes.unknown");
  return multiplier >= 1 ? t("lanes.full") : t("lanes.lowered", { share: percent(multiplier) });
}

function breakersOf(breakers) {
  if (breakers.length === 0) return h("p", { class: "faint" }, t("lanes.noBreakers"));
  return h(
    "ul",
    { class: "plain-list" },
    breakers.map((breaker) => h("li", { class: "bad" }, breakerLine(breaker))),
  );
}

/** A state is a name, or `{ name: { … } }` with what it says besides. */
function breakerLine({ model, version, state }) {
  const name = `${model}@${version}`;
  const [kind, more] = typeof state === "string" ? [state, {}] : Object.entries(state)[0];
  if (kind === "dampened") return t("breaker.dampened", { name, share: percent(more.admit) });
  if (kind === "open" && more.until_ms) return t("breaker.openUntil", { name, time: clock(more.until_ms) });
  return t(kind === "open" ? "breaker.open" : "breaker.half_open", { name });
}

/** How past estimates went, once there are enough for a share of them to mean something. */
function errorLine({ eta_error: error }) {
  return error?.samples >= FEWEST_ESTIMATES
    ? h(
        "p",
        { class: "faint small" },
        t("lanes.etaError", { share: percent(error.within_p90), count: number(error.samples) }),
      )
    : null;
}
