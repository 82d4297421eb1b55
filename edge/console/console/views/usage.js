import { h, replace, uniqueId } from "../dom.js";
import { duration, isoDay, number } from "../format.js";
import { fillFrom } from "../parts/loading.js";
import { plainNote, problemNote } from "../parts/problem_note.js";
import { t } from "../strings/index.js";

const A_DAY_MS = 86_400_000;
const DAYS = 7;
const COUNTS = ["succeeded", "failed", "canceled", "expired", "cached", "degraded"];

/** What was used by day and model, with the days to choose and the same as CSV. */
export function usageSection({ api, signal }) {
  const place = h("div", { class: "reserve-small" });
  const trouble = h("div", {});
  const from = dayField(t("usage.from"), isoDay(Date.now() - (DAYS - 1) * A_DAY_MS));
  const to = dayField(t("usage.to"), isoDay(Date.now()));
  const range = () => ({ from: from.input.value, to: to.input.value });
  const load = async (signal) => {
    try {
      return await api.usage(range(), signal);
    } catch (problem) {
      if (problem.notThere) return null;
      throw problem;
    }
  };
  const show = () => fillFrom(place, load, tableOf, signal);
  async function save() {
    replace(trouble);
    try {
      const { from, to } = range();
      saveAs(await api.usageCsv(range(), signal), `usage-${from}-${to}.csv`);
    } catch (error) {
      if (!signal.aborted) replace(trouble, error.notThere ? plainNote(t("usage.missing")) : problemNote(error));
    }
  }
  const submit = (event) => {
    event.preventDefault();
    show();
  };
  show();
  return h(
    "section",
    { class: "card", "aria-labelledby": "usage" },
    h("h2", { id: "usage" }, t("usage.title")),
    h(
      "form",
      { class: "filters", onsubmit: submit },
      from.field,
      to.field,
      h("button", { type: "submit" }, t("usage.show")),
      h("button", { type: "button", class: "quiet", onclick: save }, t("usage.csv")),
    ),
    trouble,
    place,
  );
}

function dayField(label, value) {
  const id = uniqueId("day");
  const input = h("input", { type: "date", id, value, required: true });
  return { input, field: h("div", { class: "field" }, h("label", { for: id }, label), input) };
}

function tableOf(days) {
  if (days === null) return plainNote(t("usage.missing"));
  if (days.length === 0) return h("p", { class: "empty" }, t("usage.none"));
  const total = (name) => days.reduce((sum, day) => sum + (day[name] ?? 0), 0);
  const heads = [t("usage.day"), t("field.model"), ...COUNTS.map((name) => t(`usage.${name}`)), t("usage.device")];
  const cells = (of) =>
    [...COUNTS.map((name) => number(of(name))), duration(of("device_ms"))].map((text) =>
      h("td", { class: "numbers" }, text),
    );
  return h(
    "div",
    { class: "scroll", tabindex: "0", role: "region", "aria-label": t("usage.table") },
    h(
      "table",
      {},
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          heads.map((head) => h("th", { scope: "col" }, head)),
        ),
      ),
      h(
        "tbody",
        {},
        days.map((day) =>
          h(
            "tr",
            {},
            h("td", { class: "numbers" }, day.day),
            h("td", {}, day.model),
            cells((name) => day[name] ?? 0),
          ),
        ),
      ),
      h("tfoot", {}, h("tr", {}, h("th", { scope: "row", colspan: 2 }, t("usage.total")), cells(total))),
    ),
  );
}

function saveAs(blob, name) {
  const address = URL.createObjectURL(blob);
  h("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
