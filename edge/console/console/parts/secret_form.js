import { h, replace, uniqueId } from "../dom.js";
import { problemNote } from "./problem_note.js";

/** A form that takes one secret and tries it: `attempt(secret)` throws the problem where it does not let in. */
export function secretForm({ label, hint, action, attempt }) {
  const id = uniqueId("secret");
  const input = h("input", {
    id,
    type: "password",
    required: true,
    // Not for password managers and not for histories: it is kept for this tab alone.
    autocomplete: "off",
    spellcheck: "false",
    "aria-describedby": hint ? `${id}-hint` : null,
  });
  const trouble = h("div", {});
  const button = h("button", { type: "submit" }, action);
  async function submit(event) {
    event.preventDefault();
    const secret = input.value.trim();
    if (secret === "") return input.focus();
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    replace(trouble);
    try {
      await attempt(secret);
    } catch (error) {
      replace(trouble, problemNote(error));
      input.focus();
    } finally {
      button.disabled = false;
      button.removeAttribute("aria-busy");
    }
  }
  return h(
    "form",
    { onsubmit: submit, class: "stack" },
    h(
      "div",
      { class: "field" },
      h("label", { for: id }, label),
      input,
      hint && h("p", { id: `${id}-hint`, class: "faint small" }, hint),
    ),
    trouble,
    button,
  );
}
