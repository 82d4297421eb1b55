import { announce } from "../announce.js";
import { h, replace } from "../dom.js";
import { moment } from "../format.js";
import { deliveryLog } from "../parts/delivery_log.js";
import { fillFrom } from "../parts/loading.js";
import { plainNote, problemNote } from "../parts/problem_note.js";
import { stateChip, toldOf } from "../parts/webhook_state.js";
import { has, t } from "../strings/index.js";
import { deleteWebhookDialog, editWebhookDialog, rotateWebhookDialog } from "./webhook_dialogs.js";

const A_DAY_MS = 86_400_000;

/** One endpoint: how it stands, what can be done with it, and what was delivered to it. */
export function webhookView(room, id) {
  const place = h("div", { class: "reserve" });
  const heading = h("h1", { tabindex: "-1" }, t("hooks.one"));
  const load = async (signal) => {
    try {
      return await room.api.webhook(id, signal);
    } catch (problem) {
      if (problem.status === 404 || problem.status === 400) return null;
      throw problem;
    }
  };
  const show = (webhook) => {
    if (!webhook) return plainNote(t("hooks.lost"));
    const log = deliveryLog(webhook.id, room);
    return h("div", { class: "stack" }, endpointCard(webhook, { ...room, heading, log }), log.element);
  };
  fillFrom(place, load, show, room.signal);
  const back = h("p", { class: "small" }, h("a", { href: "#/webhooks" }, `← ${t("hooks.back")}`));
  return h("div", { class: "reading" }, back, heading, place);
}

/** What is known of an endpoint, and its buttons, which stay where they are whatever changes. */
function endpointCard(webhook, { api, signal, heading, log }) {
  const state = h("div", { class: "stack" });
  const facts = h("dl", { class: "facts" });
  const trouble = h("div", {});
  const test = button(t("hooks.test"), () => attempt(sendTest));
  const toggle = button("", () => attempt(change));

  function show(now) {
    webhook = now;
    heading.textContent = webhook.url;
    const because = !webhook.enabled && `hooks.because.${webhook.disabled_because}`;
    replace(state, h("div", {}, stateChip(webhook)), because && has(because) && h("p", { class: "note" }, t(because)));
    replace(facts, factsOf(webhook));
    toggle.textContent = webhook.enabled ? t("hooks.disable") : t("hooks.enable");
  }
  async function sendTest() {
    log.take(await api.testWebhook(webhook.id, signal));
    announce(t("hooks.testSent"));
  }
  async function change() {
    show(await api.updateWebhook(webhook.id, { enabled: !webhook.enabled }, signal));
    announce(t(webhook.enabled ? "hooks.isEnabled" : "hooks.isDisabled"));
  }
  async function attempt(act) {
    replace(trouble);
    for (const one of [test, toggle]) one.setAttribute("aria-disabled", "true");
    try {
      await act();
    } catch (error) {
      if (!signal.aborted) replace(trouble, problemNote(error));
    }
    for (const one of [test, toggle]) one.removeAttribute("aria-disabled");
  }
  const room = { api, signal };
  const left = () => {
    announce(t("hooks.deleted"));
    location.hash = "#/webhooks";
  };
  show(webhook);
  return h(
    "section",
    { class: "card stack", "aria-label": t("hooks.one") },
    state,
    facts,
    trouble,
    h(
      "div",
      { class: "actions" },
      test,
      toggle,
      button(t("hooks.edit"), () => editWebhookDialog(webhook, room, show)),
      button(t("hooks.rotate"), () => rotateWebhookDialog(webhook, room, show)),
      button(t("hooks.delete"), () => deleteWebhookDialog(webhook, room, left), "quiet bad"),
    ),
  );
}

/** A button that waits while it is pressed: `aria-disabled`, so that the focus stays. */
function button(name, act, look = "quiet") {
  const pressed = (event) => event.currentTarget.hasAttribute("aria-disabled") || act();
  return h("button", { type: "button", class: look, onclick: pressed }, name);
}

function factsOf(webhook) {
  const { description, public_key: publicKey, rotated_ms: rotatedMs } = webhook;
  const bothSign = rotatedMs && rotatedMs + A_DAY_MS > Date.now();
  const facts = [
    description && [t("hooks.description"), description],
    [t("hooks.events"), toldOf(webhook)],
    [t("field.id"), h("code", {}, webhook.id)],
    publicKey && [t("hooks.publicKey"), h("code", {}, publicKey)],
    [t("hooks.made"), moment(webhook.created_ms)],
    bothSign && [t("hooks.secrets"), t("hooks.bothSign", { time: moment(rotatedMs + A_DAY_MS) })],
  ];
  return facts.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
}
