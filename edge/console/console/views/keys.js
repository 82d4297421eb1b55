import { announce } from "../announce.js";
import { h, replace, uniqueId } from "../dom.js";
import { moment } from "../format.js";
import { fillFrom } from "../parts/loading.js";
import { problemNote } from "../parts/problem_note.js";
import { t } from "../strings/index.js";
import { createDialog, revokeDialog, rotateDialog } from "./key_dialogs.js";

/** The API keys: list, create, rotate, revoke. */
export function keysView(room) {
  const place = h("div", { class: "reserve" });
  const id = uniqueId("account");
  const account = h("input", { id, type: "text", autocomplete: "off", spellcheck: "false", maxlength: 64 });
  const show = () =>
    fillFrom(
      place,
      (signal) => room.api.keys({ account: account.value.trim() }, signal),
      (page) => tableOf(page, account.value.trim(), { ...room, show }),
      room.signal,
    );
  const find = (event) => {
    event.preventDefault();
    show();
  };
  show();
  return h(
    "section",
    { class: "stack" },
    h(
      "div",
      { class: "title-row" },
      h(
        "form",
        { class: "filters", role: "search", "aria-label": t("keys.title"), onsubmit: find },
        h("div", { class: "field" }, h("label", { for: id }, t("keys.filter")), account),
        h("button", { type: "submit", class: "quiet" }, t("keys.find")),
      ),
      h("button", { type: "button", onclick: () => createDialog(room, show) }, t("keys.new")),
    ),
    place,
  );
}

function tableOf(page, account, room) {
  const body = h("tbody", {});
  const trouble = h("div", {});
  const more = h("button", { type: "button", class: "quiet", onclick: next }, t("jobs.more"));
  let { cursor } = page;
  function add(keys) {
    body.append(...keys.map((key) => h("tr", {}, cellsOf(key, room))));
    more.hidden = cursor === null;
  }
  async function next() {
    more.disabled = true;
    try {
      const page = await room.api.keys({ account, cursor }, room.signal);
      cursor = page.cursor;
      add(page.keys);
    } catch (error) {
      if (!room.signal.aborted) replace(trouble, problemNote(error));
    } finally {
      more.disabled = false;
    }
  }
  if (page.keys.length === 0 && cursor === null)
    return h("p", { class: "empty" }, account ? t("keys.noneOf") : t("keys.none"));
  add(page.keys);
  const heads = ["account", "plan", "name", "made", "until", "state", "actions"].map((name) =>
    h("th", { scope: "col" }, t(`keys.${name}`)),
  );
  return h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "card scroll", tabindex: "0", role: "region", "aria-label": t("keys.title") },
      h("table", {}, h("thead", {}, h("tr", {}, heads)), body),
    ),
    trouble,
    more,
  );
}

function cellsOf(key, room) {
  const revoked = () => {
    announce(t("keys.revoked", { id: key.id }));
    room.show();
  };
  const rotate = h(
    "button",
    {
      type: "button",
      class: "quiet",
      "aria-label": t("keys.rotateOf", key),
      onclick: () => rotateDialog(key, room, room.show),
    },
    t("keys.rotate"),
  );
  const revoke = h(
    "button",
    {
      type: "button",
      class: "quiet bad",
      "aria-label": t("keys.revokeOf", key),
      onclick: () => revokeDialog(key, room, revoked),
    },
    t("keys.revoke"),
  );
  return [
    h("td", {}, key.account, h("span", { class: "faint small about mono" }, key.id)),
    h("td", {}, key.plan),
    h("td", {}, key.name || "–"),
    h("td", { class: "numbers" }, key.created_ms ? moment(key.created_ms) : "–"),
    h("td", { class: "numbers" }, key.expires_ms ? moment(key.expires_ms) : t("keys.never")),
    h(
      "td",
      {},
      h(
        "span",
        { class: `chip chip-${key.state}` },
        h("span", { class: "chip-mark", "aria-hidden": "true" }),
        t(`keys.state.${key.state}`),
      ),
    ),
    h("td", {}, key.state === "valid" && h("span", { class: "row-actions" }, rotate, revoke)),
  ];
}
