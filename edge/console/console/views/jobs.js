import { h, replace, uniqueId } from "../dom.js";
import { duration, moment } from "../format.js";
import { statusChip } from "../parts/job_status.js";
import { fillFrom } from "../parts/loading.js";
import { plainNote, problemNote } from "../parts/problem_note.js";
import { visit } from "../session.js";
import { t } from "../strings/index.js";

const STATUSES = ["queued", "running", "succeeded", "failed", "canceled", "expired"];
const A_PAGE = 20;

/** How many open jobs of the list move by themselves. */
const FOLLOWED = 20;

/** The account's jobs, newest first, by status and model. */
export function jobsView(room) {
  const place = h("div", { class: "reserve" });
  const filter = { status: "", model: "" };
  const show = () =>
    fillFrom(
      place,
      (signal) => listed(filter, room, signal),
      (page) => tableOf(page, filter, room),
      room.signal,
    );
  const status = chooser(
    t("jobs.status"),
    t("jobs.anyStatus"),
    STATUSES.map((name) => [name, t(`status.${name}`)]),
  );
  const model = chooser(t("submit.model"), t("jobs.anyModel"), []);
  for (const [name, { input }] of Object.entries({ status, model })) {
    input.addEventListener("change", () => {
      filter[name] = input.value;
      show();
    });
  }
  room.api.models(room.signal).then(
    (models) => model.input.append(...models.map(({ name }) => h("option", { value: name }, name))),
    () => {}, // Without the models' names the filter offers none.
  );
  show();
  return h(
    "div",
    {},
    h("h1", { tabindex: "-1" }, t("jobs.title")),
    h(
      "form",
      { class: "filters", role: "search", "aria-label": t("jobs.title"), onsubmit: (event) => event.preventDefault() },
      status.field,
      model.field,
    ),
    place,
  );
}

function chooser(label, any, options) {
  const id = uniqueId("filter");
  const input = h(
    "select",
    { id },
    h("option", { value: "" }, any),
    options.map(([value, text]) => h("option", { value }, text)),
  );
  return { input, field: h("div", { class: "field" }, h("label", { for: id }, label), input) };
}

/** A page of the list; where the edge has none, the jobs of this tab. */
async function listed(filter, { api }, signal) {
  try {
    return await api.jobs({ ...filter, limit: A_PAGE }, signal);
  } catch (problem) {
    if (!problem.notThere) throw problem;
    const told = await Promise.allSettled(visit.jobs().map(({ id }) => api.job(id, { signal })));
    const fits = (job) =>
      (!filter.status || job.status === filter.status) && (!filter.model || job.model === filter.model);
    return { jobs: told.map(({ value }) => value).filter((job) => job && fits(job)), cursor: null, partial: true };
  }
}

function tableOf(page, filter, room) {
  const notice = page.partial && plainNote(t("jobs.missing"));
  if (page.jobs.length === 0) return h("div", { class: "stack" }, notice, emptiness(filter));
  const body = h("tbody", {});
  const trouble = h("div", {});
  const more = h("button", { type: "button", class: "quiet", onclick: next }, t("jobs.more"));
  let { cursor } = page;
  let followed = 0;

  function add(jobs) {
    for (const job of jobs) {
      const row = h("tr", {});
      const show = (now) => replace(row, cellsOf(now));
      show(job);
      body.append(row);
      followed += 1;
      if (followed <= FOLLOWED) room.live.follow(job, { onJob: show, signal: room.signal });
    }
    more.hidden = cursor === null;
  }
  async function next() {
    more.disabled = true;
    replace(trouble);
    try {
      const page = await room.api.jobs({ ...filter, limit: A_PAGE, cursor }, room.signal);
      const first = body.childElementCount;
      cursor = page.cursor;
      add(page.jobs);
      body.children[first]?.querySelector("a").focus();
    } catch (error) {
      if (!room.signal.aborted) replace(trouble, problemNote(error));
    } finally {
      more.disabled = false;
    }
  }
  add(page.jobs);
  const heads = [t("jobs.status"), t("field.model"), t("jobs.accepted"), t("jobs.took")];
  return h(
    "div",
    { class: "stack" },
    notice,
    h(
      "div",
      { class: "card scroll", tabindex: "0", role: "region", "aria-label": t("jobs.title") },
      h(
        "table",
        {},
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            heads.map((head) => h("th", { scope: "col" }, head)),
          ),
        ),
        body,
      ),
    ),
    trouble,
    more,
  );
}

function emptiness({ status, model }) {
  if (status || model) return h("p", { class: "empty" }, t("jobs.noneMatch"));
  return h("p", { class: "empty" }, t("jobs.none"), " ", h("a", { href: "#/submit" }, t("jobs.noneHint")));
}

function cellsOf(job) {
  const { accepted_ms: from, finished_ms: to } = job.timeline;
  const about = visit.jobs().find(({ id }) => id === job.id)?.about;
  return [
    h("td", {}, statusChip(job.status)),
    h(
      "td",
      {},
      h("a", { href: `#/jobs/${job.id}` }, job.model),
      about && about !== job.model && h("span", { class: "faint small about" }, about),
    ),
    h("td", { class: "numbers" }, from === null ? "" : moment(from)),
    h("td", { class: "numbers" }, to !== null && to >= from ? duration(to - from) : "–"),
  ];
}
