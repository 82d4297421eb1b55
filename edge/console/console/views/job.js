import { announce } from "../announce.js";
import { h, replace } from "../dom.js";
import { duration, moment } from "../format.js";
import { jobPanel } from "../parts/job_panel.js";
import { fillFrom } from "../parts/loading.js";
import { plainNote } from "../parts/problem_note.js";
import { visit } from "../session.js";
import { t } from "../strings/index.js";

/** One job: how it moves, its result, what is known about it, and when it was where. */
export function jobView(room, id) {
  const place = h("div", { class: "reserve" });
  const about = visit.jobs().find((job) => job.id === id)?.about;
  const load = async (signal) => {
    try {
      return await room.api.job(id, { signal });
    } catch (problem) {
      if (problem.status === 404 || problem.status === 400) return null;
      throw problem;
    }
  };
  const heading = h("h1", { tabindex: "-1" }, about ?? t("job.title"));
  const show = (job) => {
    if (!job) return plainNote(t("job.lost"));
    heading.textContent = about ?? job.model;
    return shown(job, about, room);
  };
  fillFrom(place, load, show, room.signal);
  const back = h("p", { class: "small" }, h("a", { href: "#/jobs" }, `← ${t("job.back")}`));
  return h("div", { class: "reading" }, back, heading, place);
}

function shown(job, about, room) {
  const details = h("dl", { class: "facts" });
  const timeline = h("ol", { class: "timeline" });
  const onChange = (now) => {
    replace(details, factsOf(now));
    replace(timeline, momentsOf(now));
  };
  const panel = jobPanel(job, { ...room, about: about ?? job.model, titled: false, onChange });
  return h(
    "div",
    { class: "stack" },
    h("div", { class: "card" }, panel),
    h(
      "div",
      { class: "columns" },
      h("section", { class: "card" }, h("h2", {}, t("job.details")), details, copyId(job.id)),
      h("section", { class: "card" }, h("h2", {}, t("job.timeline")), timeline),
    ),
  );
}

function copyId(id) {
  const copy = async () => {
    await navigator.clipboard.writeText(id);
    announce(t("job.copied"));
  };
  return h("button", { type: "button", class: "quiet", onclick: copy }, t("job.copyId"));
}

function factsOf(job) {
  const parameters = Object.entries(job.parameters ?? {});
  const facts = [
    [t("field.id"), h("code", {}, job.id)],
    [t("field.model"), job.served_model ?? job.model],
    [t("field.lane"), job.lane],
    [t("field.cost"), duration(job.cost_ms)],
    job.device_ms && [t("field.device"), duration(job.device_ms)],
    job.attempt > 0 && [t("field.attempt"), job.attempt],
    job.batch_size && [t("field.batch"), job.batch_size],
    job.worker && [t("field.worker"), job.worker],
    job.not_before_ms && [t("field.notBefore"), moment(job.not_before_ms)],
    job.deadline_ms && [t("field.deadline"), moment(job.deadline_ms)],
    ...parameters.map(([name, value]) => [h("code", {}, name), String(value)]),
  ];
  return facts.filter(Boolean).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
}

/** The points in time that are known, each with how long after the one before. */
function momentsOf({ timeline }) {
  const names = ["accepted", "sent", "received", "started", "finished"];
  const known = names.map((name) => [name, timeline[`${name}_ms`]]).filter(([, at]) => typeof at === "number");
  return known.map(([name, at], index) => {
    const before = known[index - 1]?.[1];
    const when = before === undefined ? moment(at) : t("time.after", { time: duration(Math.max(0, at - before)) });
    return h("li", {}, h("span", {}, t(`time.${name}`)), " ", h("span", { class: "faint" }, when));
  });
}
