import { announce } from "../announce.js";
import { h, replace, uniqueId } from "../dom.js";
import { inputField } from "../parts/input_field.js";
import { jobPanel } from "../parts/job_panel.js";
import { fillFrom } from "../parts/loading.js";
import { parameterFields } from "../parts/parameter_fields.js";
import { problemNote } from "../parts/problem_note.js";
import { timeFields } from "../parts/time_fields.js";
import { visit } from "../session.js";
import { t } from "../strings/index.js";

/** What is in the form outlives the view: changing the language or looking at a job loses nothing. */
const draft = { model: null, parameters: {}, inputs: {}, times: {} };

/** How many jobs of this visit are shown. */
const SHOWN = 20;

/** Forgets what is in the form. */
export function forgetDraft() {
  Object.assign(draft, { model: null, parameters: {}, inputs: {}, times: {} });
}

/** A form for a job, and beside it the jobs of this visit. */
export function submitView(room) {
  const form = h("div", { class: "card reserve" });
  const jobs = h("div", { class: "jobs" });
  const empty = h("p", { class: "empty" }, t("visit.empty"));
  const panel = (job, about, file) => {
    empty.remove();
    jobs.prepend(jobPanel(job, { ...room, about, file }));
  };
  fillFrom(form, room.api.models, (models) => formOf(models, panel, room), room.signal);
  showVisit(panel, room);
  return h(
    "div",
    {},
    h("h1", { tabindex: "-1" }, t("submit.title")),
    h(
      "div",
      { class: "columns" },
      h("section", { "aria-label": t("submit.title") }, form),
      h("section", { "aria-labelledby": "visit" }, h("h2", { id: "visit" }, t("visit.title")), empty, jobs),
    ),
  );
}

/** The jobs of this visit as they stand now, the newest on top. */
async function showVisit(panel, { api, signal }) {
  const known = visit.jobs().slice(0, SHOWN).reverse();
  const told = await Promise.allSettled(known.map(({ id }) => api.job(id, { signal })));
  if (signal.aborted) return;
  told.forEach(({ value }, at) => value && panel(value, known[at].about));
}

function formOf(models, panel, room) {
  if (models.length === 0) return h("p", { class: "empty" }, t("submit.noModels"));
  const place = h("div", { class: "stack" });
  const choose = (model) => {
    draft.model = model.name;
    draft.inputs[model.name] ??= {};
    replace(place, ...fieldsOf(model, panel, room));
  };
  const chosen = models.find(({ name }) => name === draft.model) ?? models[0];
  choose(chosen);
  const options = models.map((model) => modelOption(model, model === chosen, () => choose(model)));
  return h(
    "div",
    { class: "stack" },
    h("fieldset", { class: "models" }, h("legend", {}, t("submit.model")), options),
    place,
  );
}

function modelOption(model, checked, onchange) {
  const id = uniqueId("model");
  return h(
    "div",
    { class: "model" },
    h("input", { type: "radio", name: "model", id, checked, onchange, "aria-describedby": `${id}-title` }),
    h("label", { for: id }, model.name, h("span", { id: `${id}-title`, class: "faint small" }, model.title)),
  );
}

function fieldsOf(model, panel, room) {
  const trouble = h("div", { role: "alert", class: "stack bad" });
  const button = h("button", { type: "submit" });
  const input = inputField(model, draft.inputs[model.name], { onInput: label, signal: room.signal });
  const parameters = parameterFields(model.parameters, draft.parameters[model.name] ?? {}, () => {
    draft.parameters[model.name] = parameters.read();
  });
  const times = timeFields(draft.times);
  function label() {
    button.textContent = t("submit.go", { count: input.count() });
  }
  label();

  async function submit(event) {
    event.preventDefault();
    replace(trouble);
    const [given, when] = [input.read(), times.read()];
    const { wrong, field } = given.wrong ? given : when;
    if (wrong) {
      replace(trouble, h("p", {}, wrong));
      return field.focus();
    }
    button.setAttribute("aria-disabled", "true");
    const { done, error } = await submitAll(given.inputs, when);
    button.removeAttribute("aria-disabled");
    if (room.signal.aborted) return;
    input.sent(done);
    label();
    if (done > 0) announce(t("submit.accepted", { count: done }));
    const count = given.inputs.length;
    const stopped = error && count > 1 && h("p", {}, t("submit.stopped", { done, count }));
    replace(
      trouble,
      error && problemNote(error),
      stopped,
      given.left > 0 && h("p", {}, t("submit.tooMany", { most: count })),
    );
  }

  /** One after the other: where one is refused, the rest stays in the form. */
  async function submitAll(inputs, when) {
    for (const [done, one] of inputs.entries()) {
      if (inputs.length > 1) button.textContent = t("submit.going", { done: done + 1, count: inputs.length });
      try {
        const job = await send(one, when);
        visit.add(job.id, one.about);
        if (!room.signal.aborted) panel(job, one.about, one.file);
      } catch (error) {
        return { done, error };
      }
    }
    return { done: inputs.length, error: null };
  }

  function send({ file, json }, when) {
    const asked = { parameters: parameters.read(), ...when };
    if (file) return room.api.submitFile(model.name, file, asked);
    return room.api.submit({ model: model.name, ...(json && { input: json }), ...asked });
  }

  const guarded = (event) => (button.hasAttribute("aria-disabled") ? event.preventDefault() : submit(event));
  return [
    h("form", { class: "stack", onsubmit: guarded }, input.element, parameters.element, times.element, trouble, button),
  ];
}
