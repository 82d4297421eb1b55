// Dialogs over webhooks.

import { h, uniqueId } from "../dom.js";
import { openDialog, secretShown, textField } from "../parts/dialog.js";
import { ENDS } from "../parts/webhook_state.js";
import { t } from "../strings/index.js";

const after = ({ secret }) => secretShown(secret, t("hooks.shownLead"));

/** Makes an endpoint and shows its secret. */
export function createWebhookDialog({ api, signal }, done) {
  const { fields, wrong, read } = endpointFields({});
  const act = () => api.createWebhook(read(), signal);
  openDialog({ title: t("hooks.add"), fields, action: t("hooks.create"), act, wrong, after, done, signal });
}

/** Changes where an endpoint is and what it is told of. */
export function editWebhookDialog(webhook, { api, signal }, done) {
  const { fields, wrong, read } = endpointFields(webhook);
  const act = () => api.updateWebhook(webhook.id, read(), signal);
  openDialog({ title: t("hooks.editOf"), fields, action: t("hooks.save"), act, wrong, done, signal });
}

/** Gives an endpoint a new secret and shows it. */
export function rotateWebhookDialog(webhook, { api, signal }, done) {
  const act = () => api.rotateWebhook(webhook.id, signal);
  const fields = [h("p", {}, t("hooks.rotateLead"))];
  openDialog({ title: t("hooks.rotateOf"), fields, action: t("hooks.rotate"), act, after, done, signal });
}

/** Asks once more, then ends an endpoint. */
export function deleteWebhookDialog(webhook, { api, signal }, done) {
  const act = () => api.deleteWebhook(webhook.id, signal);
  const fields = [h("p", { class: "plain" }, webhook.url), h("p", {}, t("hooks.deleteLead"))];
  const [title, action, dismiss] = [t("hooks.deleteOf"), t("hooks.delete"), t("hooks.keep")];
  openDialog({ title, fields, action, act, done, dismiss, signal });
}

/** The fields of an endpoint with what is known in them. `read()` gives what was said, for the API. */
function endpointFields({ url = "", description, events }) {
  const optional = `${t("hooks.description")} (${t("keys.optional")})`;
  const target = textField(t("hooks.url"), { type: "url", required: true, value: url });
  const name = textField(optional, { value: description ?? "", maxlength: 200 });
  const ends = ENDS.map((end) => endField(end, !events || events.includes(`job.${end}`)));
  const chosen = () => ends.filter(({ input }) => input.checked).map(({ event }) => event);
  return {
    fields: [
      target.field,
      name.field,
      h(
        "fieldset",
        { class: "checks" },
        h("legend", {}, t("hooks.events")),
        ends.map(({ row }) => row),
      ),
    ],
    wrong: () => chosen().length === 0 && t("hooks.noEvents"),
    read: () => ({
      url: target.value(),
      events: chosen(),
      // One that is taken away is sent as empty.
      ...((name.value() || description) && { description: name.value() }),
    }),
  };
}

function endField(end, checked) {
  const [id, event] = [uniqueId("end"), `job.${end}`];
  const input = h("input", { id, type: "checkbox", checked });
  const name = [t(`status.${end}`), " ", h("code", { class: "faint small" }, event)];
  return { event, input, row: h("div", { class: "check" }, input, h("label", { for: id }, name)) };
}
