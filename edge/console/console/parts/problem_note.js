import { h } from "../dom.js";
import { Problem } from "../problem.js";
import { t } from "../strings/index.js";

/** A problem with what to do about it, and a button to try again where there is something to try. */
export function problemNote(error, { onRetry } = {}) {
  // Anything else is a mistake of the console: it shows like an unexpected answer, and in the log as what it is.
  const problem = error instanceof Problem ? error : new Problem({ code: "unexpected" });
  if (problem !== error) console.error(error);
  return h(
    "div",
    { class: "note note-bad", role: "alert" },
    h("strong", {}, problem.heading),
    problem.advice.map((line) => h("p", {}, line)),
    problem.requestId && h("p", { class: "faint small" }, t("advice.requestId", { id: problem.requestId })),
    onRetry && h("button", { type: "button", class: "quiet", onclick: onRetry }, t("app.tryAgain")),
  );
}

/** A plain true sentence where something is not there. */
export function plainNote(text, ...more) {
  return h("p", { class: "note" }, text, ...more);
}
