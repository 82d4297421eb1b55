import { h, uniqueId } from "../dom.js";
import { t } from "../strings/index.js";

/**
 * When a job may start and by when it must be done, over `draft`; folded until somebody wants it.
 *
 * `read()` gives what was said, for the API, or `{ wrong, field }`, a sentence and where to correct it.
 */
export function timeFields(draft) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const start = timeField("notBefore", t("submit.notBefore"), t("submit.notBeforeHint", { zone }), draft);
  const end = timeField("deadline", t("submit.deadline"), t("submit.deadlineHint"), draft);
  const isGiven = [start, end].some(({ ms }) => ms() !== null);
  const element = h(
    "details",
    { class: "more", open: isGiven },
    h("summary", {}, t("submit.more")),
    h("div", { class: "parameters" }, start.row, end.row),
  );
  function read() {
    const [startMs, endMs] = [start.ms(), end.ms()];
    const wrong = wrongAbout(startMs, endMs, Date.now());
    if (wrong) element.open = true;
    if (wrong) return { wrong, field: end.input };
    return { ...(startMs !== null && { not_before_ms: startMs }), ...(endMs !== null && { deadline_ms: endMs }) };
  }
  return { element, read };
}

function wrongAbout(startMs, endMs, nowMs) {
  if (endMs === null) return null;
  if (endMs <= nowMs) return t("submit.deadlinePassed");
  return startMs !== null && endMs <= startMs ? t("submit.deadlineFirst") : null;
}

function timeField(name, label, hint, draft) {
  const id = uniqueId("time");
  const input = h("input", {
    id,
    type: "datetime-local",
    value: draft[name] ?? null,
    "aria-describedby": `${id}-hint`,
    oninput: () => {
      draft[name] = input.value;
    },
  });
  return {
    input,
    /** In the browser's own time zone. */
    ms: () => (input.value === "" ? null : new Date(input.value).getTime()),
    row: h(
      "div",
      { class: "field" },
      h("label", { for: id }, label),
      input,
      h("span", { id: `${id}-hint`, class: "faint small" }, hint),
    ),
  };
}
