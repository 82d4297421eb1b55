// What a model is given: a text, pictures, numbers or nothing.

import { h, uniqueId } from "../dom.js";
import { t } from "../strings/index.js";
import { pictureField } from "./picture_field.js";

/** The most jobs that one press of the button makes. */
export const MOST_AT_ONCE = 100;

/**
 * The field of a model's input over `draft`, which it keeps up to date.
 *
 * `read()` gives the inputs, each with what to call it, or `{ wrong }`, a sentence; `sent(count)` takes the first out.
 */
export function inputField(model, draft, { onInput, signal }) {
  const kinds = { text: textField, image: pictureField, tensor: tensorField, none: noField };
  return (kinds[model.input.kind] ?? noField)(model, draft, { onInput, signal });
}

function textField(model, draft, { onInput }) {
  const id = uniqueId("text");
  const area = h("textarea", { id, rows: 6, oninput: keep }, draft.text ?? "");
  const lines = h("input", { type: "checkbox", id: `${id}-lines`, checked: draft.eachLine, onchange: keep });
  function keep() {
    [draft.text, draft.eachLine] = [area.value, lines.checked];
    onInput();
  }
  const texts = () => {
    const all = lines.checked ? area.value.split("\n") : [area.value];
    return all.map((text) => text.trim()).filter((text) => text !== "");
  };
  return {
    element: h(
      "div",
      { class: "field" },
      h("label", { for: id }, t("submit.text")),
      area,
      h("div", { class: "check" }, lines, h("label", { for: `${id}-lines` }, t("submit.eachLine"))),
    ),
    count: () => Math.min(Math.max(1, texts().length), MOST_AT_ONCE),
    read() {
      const all = texts();
      if (all.length === 0) return { wrong: t("submit.empty"), field: area };
      const inputs = all.slice(0, MOST_AT_ONCE).map((text) => ({ about: shortened(text), json: { text } }));
      return { inputs, left: all.length - inputs.length };
    },
    sent(count) {
      area.value = lines.checked ? texts().slice(count).join("\n") : count > 0 ? "" : area.value;
      keep();
    },
  };
}

function shortened(text) {
  const line = text.replace(/\s+/g, " ");
  return line.length <= 60 ? line : `${line.slice(0, 59)}…`;
}

function tensorField(model, draft, { onInput }) {
  const id = uniqueId("tensor");
  const area = h("textarea", { id, rows: 4, class: "mono", oninput: keep }, draft.tensor ?? "");
  function keep() {
    draft.tensor = area.value;
    onInput();
  }
  return {
    element: h("div", { class: "field" }, h("label", { for: id }, t("submit.tensor")), area),
    count: () => 1,
    read() {
      try {
        const tensor = JSON.parse(area.value);
        if (Array.isArray(tensor)) return { inputs: [{ about: shortened(area.value), json: { tensor } }], left: 0 };
      } catch {
        // Falls through: a sentence says what is wrong.
      }
      return { wrong: t("submit.tensorWrong"), field: area };
    },
    sent() {},
  };
}

function noField(model) {
  return {
    element: h("p", { class: "faint" }, t("submit.noInput")),
    count: () => 1,
    read: () => ({ inputs: [{ about: model.name, json: null }], left: 0 }),
    sent() {},
  };
}
