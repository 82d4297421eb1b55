// One job that moves by itself: its way, what there is to say about it now, its result, and what can be done.

import { announce } from "../announce.js";
import { h, replace, uniqueId } from "../dom.js";
import { isFinal, later } from "../live/order.js";
import { visit } from "../session.js";
import { t } from "../strings/index.js";
import { nowLine, progressBar } from "./job_now.js";
import { statusChip, stages } from "./job_status.js";
import { problemNote } from "./problem_note.js";
import { resultOf } from "./result.js";

/** The panel of `job`; `about` says what was submitted, `file` is the picture itself, `onChange` hears every change. */
export function jobPanel(job, { api, live, signal, about = job.model, file, titled = true, onChange = () => {} }) {
  let toldAt = Date.now();
  const titleId = uniqueId("job");
  const chip = h("span", {});
  const way = h("div", {});
  const line = h("p", { class: "job-now" });
  const bar = h("div", { class: "job-bar" });
  const result = h("div", { class: "job-result" });
  const trouble = h("div", {});
  const cancel = h("button", { type: "button", class: "quiet", onclick: () => call("cancel") }, t("job.cancel"));
  const retry = h("button", { type: "button", class: "quiet", onclick: () => call("retry") }, t("job.retry"));

  function show() {
    replace(chip, statusChip(job.status));
    replace(way, stages(job.status));
    tick();
    line.classList.toggle("bad", job.status === "failed");
    if (job.status !== "running") replace(bar);
    else if (job.progress || bar.childElementCount === 0) replace(bar, progressBar(job));
    cancel.hidden = isFinal(job.status);
    retry.hidden = !["failed", "canceled", "expired"].includes(job.status);
    if (job.status === "succeeded" && result.childElementCount === 0) replace(result, resultOf(job, { api, signal }));
    onChange(job);
  }

  const tick = () => {
    line.textContent = nowLine(job, Date.now() - toldAt);
  };

  function hear(told) {
    if (told.status !== job.status) announce(t("job.announce", { about, status: t(`status.${told.status}`) }));
    [job, toldAt] = [told, Date.now()];
    show();
  }

  async function call(verb) {
    const button = verb === "cancel" ? cancel : retry;
    button.disabled = true;
    replace(trouble);
    try {
      const told = await api[verb](job.id, signal);
      if (verb === "cancel") hear(later(job, told));
      else {
        visit.add(told.id, about);
        announce(t("job.retried"));
        location.hash = `#/jobs/${told.id}`;
      }
    } catch (error) {
      if (signal.aborted) return;
      replace(trouble, error.notThere ? h("p", { class: "note" }, t("job.retryMissing")) : problemNote(error));
    } finally {
      button.disabled = false;
    }
  }

  const lost = (problem) => signal.aborted || replace(trouble, problemNote(problem));
  const timer = setInterval(() => job.status === "queued" && tick(), 1000);
  signal.addEventListener("abort", () => clearInterval(timer));
  show();
  live.follow(job, { onJob: hear, onLost: lost, signal });

  const title = h("h3", { id: titleId }, h("a", { href: `#/jobs/${job.id}` }, about));
  return h(
    "article",
    { class: "job", "aria-labelledby": titled && titleId },
    h(
      "header",
      { class: "job-head" },
      file && thumbnail(file, signal),
      titled && h("div", { class: "job-name" }, title, h("p", { class: "faint small" }, job.model)),
      chip,
    ),
    way,
    line,
    bar,
    trouble,
    result,
    h("div", { class: "actions" }, cancel, retry),
  );
}

/** What was submitted, small; its title says its name. */
function thumbnail(file, signal) {
  const address = URL.createObjectURL(file);
  signal.addEventListener("abort", () => URL.revokeObjectURL(address));
  return h("img", { src: address, alt: "", width: 44, height: 44, class: "job-thumb" });
}
