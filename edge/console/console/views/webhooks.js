import { h } from "../dom.js";
import { moment } from "../format.js";
import { fillFrom } from "../parts/loading.js";
import { plainNote } from "../parts/problem_note.js";
import { stateChip, toldOf } from "../parts/webhook_state.js";
import { t } from "../strings/index.js";
import { createWebhookDialog } from "./webhook_dialogs.js";

/** The account's endpoints, and a way to add one. */
export function webhooksView(room) {
  const place = h("div", { class: "reserve-medium" });
  const add = h("button", { type: "button", onclick: () => createWebhookDialog(room, show) }, t("hooks.add"));
  const load = async (signal) => {
    try {
      return await room.api.webhooks(signal);
    } catch (problem) {
      if (problem.notThere) return null;
      throw problem;
    }
  };
  const show = () =>
    fillFrom(
      place,
      load,
      (webhooks) => {
        add.hidden = webhooks === null;
        return webhooks === null ? plainNote(t("hooks.missing")) : tableOf(webhooks);
      },
      room.signal,
    );
  show();
  return h(
    "div",
    { class: "stack" },
    h("div", { class: "title-row" }, h("h1", { tabindex: "-1" }, t("hooks.title")), add),
    h("p", { class: "lead" }, t("hooks.lead")),
    place,
  );
}

function tableOf(webhooks) {
  if (webhooks.length === 0) return h("p", { class: "empty" }, t("hooks.none"));
  const heads = [t("hooks.state"), t("hooks.url"), t("hooks.events"), t("hooks.made")];
  return h(
    "div",
    { class: "card scroll", tabindex: "0", role: "region", "aria-label": t("hooks.title") },
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
        webhooks.map((webhook) => h("tr", {}, cellsOf(webhook))),
      ),
    ),
  );
}

function cellsOf(webhook) {
  return [
    h("td", {}, stateChip(webhook)),
    h(
      "td",
      {},
      h("a", { href: `#/webhooks/${webhook.id}`, class: "about" }, webhook.url),
      webhook.description && h("span", { class: "faint small about" }, webhook.description),
    ),
    h("td", {}, toldOf(webhook)),
    h("td", { class: "numbers" }, moment(webhook.created_ms)),
  ];
}
