// Dialogs over the list of keys. The browser's own <dialog> holds the focus, gives it back and closes with Escape.

import { announce } from "../announce.js";
import { h, replace, uniqueId } from "../dom.js";
import { problemNote } from "../parts/problem_note.js";
import { t } from "../strings/index.js";

const A_DAY_S = 86_400;

/** Makes a key and shows its secret. */
export function createDialog({ api, signal }, done) {
  const account = textField(t("keys.account"), { required: true });
  const plan = textField(t("keys.plan"), { required: true });
  const name = textField(`${t("keys.name")} (${t("keys.optional")})`, {});
  const groups = textField(`${t("keys.groups")} (${t("keys.optional")})`, {});
  const ends = textField(`${t("keys.ends")} (${t("keys.optional")})`, { type: "number", min: 1, max: 3650 });
  const list = () =>
    groups
      .value()
      .split(",")
      .map((group) => group.trim())
      .filter(Boolean);
  const act = () =>
    api.createKey(
      {
        account: account.value(),
        plan: plan.value(),
        ...(name.value() && { name: name.value() }),
        ...(list().length > 0 && { groups: list() }),
        ...(ends.value() && { expires_in_s: Number(ends.value()) * A_DAY_S }),
      },
      signal,
    );
  const fields = [account, plan, name, groups, ends].map(({ field }) => field);
  open({ title: t("keys.new"), fields, action: t("keys.create"), act, after: secretShown, done, signal });
}

/** Gives a key a new secret and shows it. */
export function rotateDialog(key, { api, signal }, done) {
  const grace = textField(t("keys.grace"), { type: "number", min: 0, max: 720, value: 24, required: true });
  const act = () => api.rotateKey(key.id, Number(grace.value()) * 3600, signal);
  const fields = [h("p", {}, t("keys.rotateLead")), grace.field];
  open({ title: t("keys.rotateOf", key), fields, action: t("keys.rotate"), act, after: secretShown, done, signal });
}

/** Asks once more, then ends a key. */
export function revokeDialog(key, { api, signal }, done) {
  const act = () => api.revokeKey(key.id, signal);
  const fields = [h("p", {}, t("keys.revokeLead"))];
  open({
    title: t("keys.revokeOf", key),
    fields,
    action: t("keys.revoke"),
    act,
    done,
    dismiss: t("keys.cancel"),
    signal,
  });
}

/** A dialog that does one thing. `after(answer)` gives what is shown then; without it the dialog closes. */
function open({ title, fields, action, act, after, done, dismiss = t("keys.back"), signal }) {
  const titleId = uniqueId("dialog");
  const trouble = h("div", {});
  const button = h("button", { type: "submit" }, action);
  const close = h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, dismiss);
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    replace(trouble);
    try {
      const answer = await act();
      done();
      if (!after) return dialog.close();
      close.textContent = t("keys.close");
      replace(form, h("h2", { id: titleId }, t("keys.shown")), after(answer), close);
      form.querySelector("input").select();
    } catch (error) {
      replace(trouble, problemNote(error));
    } finally {
      button.disabled = false;
    }
  }
  const form = h(
    "form",
    { class: "stack", onsubmit: submit },
    h("h2", { id: titleId }, title),
    fields,
    trouble,
    h("div", { class: "actions" }, button, close),
  );
  const dialog = h("dialog", { "aria-labelledby": titleId, onclose: () => dialog.remove() }, form);
  signal.addEventListener("abort", () => dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}

function secretShown({ secret }) {
  const { field, input } = textField(t("keys.secret"), { readonly: true, value: secret, class: "mono" });
  const copy = async () => {
    await navigator.clipboard.writeText(secret);
    announce(t("job.copied"));
    input.focus();
  };
  return h(
    "div",
    { class: "stack" },
    h("p", {}, t("keys.shownLead")),
    field,
    h("button", { type: "button", onclick: copy }, t("keys.copy")),
  );
}

function textField(label, options) {
  const id = uniqueId("key");
  const input = h("input", { id, type: "text", autocomplete: "off", spellcheck: "false", ...options });
  return {
    input,
    value: () => input.value.trim(),
    field: h("div", { class: "field" }, h("label", { for: id }, label), input),
  };
}
