// What was and is to be delivered to a webhook: a table that moves by itself.

import { announce } from "../announce.js";
import { h, replace } from "../dom.js";
import { t } from "../strings/index.js";
import { deliveryRow } from "./delivery_row.js";
import { every, fillFrom } from "./loading.js";
import { problemNote } from "./problem_note.js";

const A_PAGE = 20;
const REFRESH_MS = 5000;
/** A delivery that was just made is tried within a moment. */
const SOON_MS = 1500;

/** The log of endpoint `id`; `take(delivery)` shows one that was just made. */
export function deliveryLog(id, { api, signal }) {
  const place = h("div", { class: "reserve-small" });
  let table = null;
  const load = (signal) => api.deliveries(id, { limit: A_PAGE }, signal);

  function show(page) {
    if (page.deliveries.length === 0) return h("p", { class: "empty" }, t("hooks.noDeliveries"));
    table = deliveryTable(page, { id, api, signal, soon });
    return table.element;
  }
  async function refresh() {
    if (!table) return fillFrom(place, load, show, signal);
    // What fails now is asked again in a moment: nothing that is shown becomes wrong by it.
    const page = await load(signal).catch(() => null);
    if (page && !signal.aborted) table.renew(page);
  }
  function soon() {
    const timer = setTimeout(refresh, SOON_MS);
    signal.addEventListener("abort", () => clearTimeout(timer));
  }
  refresh();
  every(REFRESH_MS, refresh, signal);
  return {
    element: h("div", { class: "stack" }, h("h2", {}, t("hooks.deliveries")), place),
    take(delivery) {
      if (table) table.put(delivery);
      else replace(place, show({ deliveries: [delivery], cursor: null }));
      soon();
    },
  };
}

function deliveryTable({ deliveries, cursor }, { id, api, signal, soon }) {
  const rows = new Map(); // delivery's id → its row
  const body = h("tbody", {});
  const trouble = h("div", {});
  const more = h("button", { type: "button", class: "quiet", onclick: next }, t("jobs.more"));

  async function replay(delivery) {
    replace(trouble);
    try {
      rows.get(delivery.id).show(await api.replayDelivery(id, delivery.id, signal));
      announce(t("hooks.replayed"));
      soon();
    } catch (error) {
      if (!signal.aborted) replace(trouble, problemNote(error));
    }
  }
  function rowOf(delivery) {
    const row = deliveryRow(delivery, replay);
    rows.set(delivery.id, row);
    return row.element;
  }
  /** A delivery as it stands now; one that is not shown yet is the newest. */
  function put(delivery) {
    const row = rows.get(delivery.id);
    if (!row) body.prepend(rowOf(delivery));
    else if (row.show(delivery)) announce(`${delivery.event}: ${t(`hooks.delivery.${delivery.state}`)}`);
  }
  /** The newest page. Where nothing of it is shown yet, there is a gap after it: the table begins anew. */
  function renew(page) {
    if (page.deliveries.some(({ id }) => rows.has(id))) return [...page.deliveries].reverse().forEach(put);
    rows.clear();
    replace(body);
    add(page);
  }
  function add(page) {
    cursor = page.cursor;
    body.append(...page.deliveries.filter((delivery) => !rows.has(delivery.id)).map(rowOf));
    more.hidden = cursor === null;
  }
  async function next() {
    more.disabled = true;
    replace(trouble);
    try {
      const first = body.childElementCount;
      add(await api.deliveries(id, { limit: A_PAGE, cursor }, signal));
      body.children[first]?.querySelector("button").focus();
    } catch (error) {
      if (!signal.aborted) replace(trouble, problemNote(error));
    } finally {
      more.disabled = false;
    }
  }
  add({ deliveries, cursor });
  const heads = [
    t("hooks.state"),
    t("hooks.event"),
    t("hooks.tries"),
    t("hooks.last"),
    t("hooks.next"),
    t("hooks.made"),
    t("hooks.actions"),
  ];
  const head = heads.map((name) => h("th", { scope: "col" }, name));
  const table = h("table", {}, h("thead", {}, h("tr", {}, head)), body);
  const scroll = { class: "card scroll", tabindex: "0", role: "region", "aria-label": t("hooks.deliveries") };
  return { element: h("div", { class: "stack" }, h("div", scroll, table), trouble, more), put, renew };
}
