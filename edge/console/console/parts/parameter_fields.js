// A model's parameters as fields, from what the API says of them.

import { h, uniqueId } from "../dom.js";
import { number } from "../format.js";
import { t } from "../strings/index.js";

/** The fields of `specs` with `given` values in them. `read()` gives what was said, for the API. */
export function parameterFields(specs, given, onInput) {
  const fields = Object.entries(specs).map(([name, spec]) => ({ name, ...FIELDS[spec.type](name, spec, given[name]) }));
  const element =
    fields.length > 0 &&
    h(
      "fieldset",
      { class: "parameters", oninput: onInput },
      h("legend", {}, t("submit.parameters")),
      fields.map(({ row }) => row),
    );
  /** Only what differs from silence: what is left empty is the model's own default. */
  const read = () =>
    Object.fromEntries(fields.map(({ name, read }) => [name, read()]).filter(([, value]) => value !== null));
  return { element, read };
}

const FIELDS = { integer: numeric, number: numeric, boolean: truth, choice: choice };

function numeric(name, spec, given) {
  const id = uniqueId("parameter");
  const input = h("input", {
    id,
    type: "number",
    inputmode: spec.type === "integer" && spec.min >= 0 ? "numeric" : "decimal",
    min: spec.min,
    max: spec.max,
    step: spec.type === "integer" ? 1 : "any",
    value: given ?? null,
    placeholder: spec.default === undefined ? t("submit.drawn") : String(spec.default),
    "aria-describedby": `${id}-hint`,
  });
  const hint = t("submit.between", { min: number(spec.min, 6), max: number(spec.max, 6) });
  const row = labelled(name, id, input, h("span", { id: `${id}-hint`, class: "faint small" }, hint));
  return { row, read: () => (input.value === "" ? null : Number(input.value)) };
}

function truth(name, spec, given) {
  const id = uniqueId("parameter");
  const input = h("input", { id, type: "checkbox", checked: given ?? spec.default });
  return { row: h("div", { class: "check" }, input, h("label", { for: id }, name)), read: () => input.checked };
}

function choice(name, spec, given) {
  const id = uniqueId("parameter");
  const chosen = given ?? spec.default;
  const options = spec.options.map((option) => h("option", { value: option, selected: option === chosen }, option));
  const input = h("select", { id }, options);
  return { row: labelled(name, id, input), read: () => input.value };
}

function labelled(name, id, input, hint) {
  return h("div", { class: "field" }, h("label", { for: id }, name), input, hint);
}
