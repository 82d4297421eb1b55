import { apiOf } from "../api.js";
import { h } from "../dom.js";
import { secretForm } from "../parts/secret_form.js";
import { operator } from "../session.js";
import { t } from "../strings/index.js";
import { keysView } from "./keys.js";
import { lanesView } from "./lanes.js";

/** What the operator sees, behind a token of its own. `again()` shows this view anew. */
export function operatorView(room, page, again) {
  const head = h("h1", { tabindex: "-1" }, t("operator.title"));
  const lead = h("p", { class: "lead" }, t("operator.lead"));
  const token = operator.get();
  if (token === null) {
    const attempt = async (secret) => {
      await apiOf(secret).keys({}, room.signal);
      operator.set(secret);
      again();
    };
    const form = secretForm({
      label: t("operator.token"),
      hint: t("signIn.hint"),
      action: t("operator.signIn"),
      attempt,
    });
    return h("div", { class: "narrow" }, head, lead, form);
  }
  const forget = () => {
    operator.forget();
    again();
  };
  const inner = { signal: room.signal, api: apiOf(token, { onRefused: forget }) };
  const tab = (name, href, here) => h("a", { href, "aria-current": here && "page" }, name);
  return h(
    "div",
    { class: "stack" },
    h(
      "div",
      { class: "title-row" },
      head,
      h("button", { type: "button", class: "quiet", onclick: forget }, t("operator.signOut")),
    ),
    h(
      "nav",
      { class: "tabs", "aria-label": t("operator.pages") },
      tab(t("operator.lanes"), "#/operator", page !== "keys"),
      tab(t("operator.keys"), "#/operator/keys", page === "keys"),
    ),
    page === "keys" ? keysView(inner) : lanesView(inner),
  );
}
