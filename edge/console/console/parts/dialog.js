// Dialogs that do one thing. The browser's own <dialog> holds the focus, gives it back and closes with Escape.

import { announce } from "../announce.js";
import { h, replace, uniqueId } from "../dom.js";
import { t } from "../strings/index.js";
import { problemNote } from "./problem_note.js";

/**
 * Opens a dialog. `act()` does what it is for and `done(answer)` hears of it. `after(answer)` gives what is shown then;
 * without it the dialog closes. What `wrong()` says, a sentence, keeps it from being done.
 */
export function openDialog({ title, fields, action, act, wrong, after, done, dismiss = t("dialog.back"), signal }) {
  const titleId = uniqueId("dialog");
  const trouble = h("div", {});
  let isDone = false;
  const button = h("button", { type: "submit" }, action);
  const close = h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, dismiss);
  async function submit(event) {
    event.preventDefault();
    // Return in the field of a secret that is shown is no second wish.
    if (isDone) return;
    const sentence = wrong?.();
    replace(trouble, sentence && h("p", { role: "alert", class: "bad" }, sentence));
    if (sentence) return;
    button.disabled = true;
    try {
      const answer = await act();
      isDone = true;
      done(answer);
      if (!after) return dialog.close();
      close.textContent = t("dialog.close");
      replace(form, h("h2", { id: titleId }, t("secret.title")), after(answer), close);
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

/** A secret that is shown this once, to copy; `lead` says what to do with it. */
export function secretShown(secret, lead) {
  const { field, input } = textField(t("secret.label"), { readonly: true, value: secret, class: "mono" });
  const copy = async () => {
    await navigator.clipboard.writeText(secret);
    announce(t("job.copied"));
    input.focus();
  };
  return h(
    "div",
    { class: "stack" },
    h("p", {}, lead),
    field,
    h("button", { type: "button", onclick: copy }, t("secret.copy")),
  );
}

/** A labelled field of one line. */
export function textField(label, options) {
  const id = uniqueId("field");
  const input = h("input", { id, type: "text", autocomplete: "off", spellcheck: "false", ...options });
  return {
    input,
    value: () => input.value.trim(),
    field: h("div", { class: "field" }, h("label", { for: id }, label), input),
  };
}
