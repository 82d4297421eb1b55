// The console begins here: who is signed in, which view is shown, in which language.

import { apiOf } from "./api.js";
import { h, replace } from "./dom.js";
import { liveUpdates } from "./live/updates.js";
import { problemNote } from "./parts/problem_note.js";
import { chooseLanguage, language } from "./preferences.js";
import { key, visit } from "./session.js";
import { speak, t, tag } from "./strings/index.js";
import { shell } from "./shell.js";
import { jobView } from "./views/job.js";
import { jobsView } from "./views/jobs.js";
import { limitsView } from "./views/limits.js";
import { operatorView } from "./views/operator.js";
import { signInView } from "./views/sign_in.js";
import { forgetDraft, submitView } from "./views/submit.js";
import { webhookView } from "./views/webhook.js";
import { webhooksView } from "./views/webhooks.js";

const page = document.getElementById("page");

/** `{ api, live, account }` of who is signed in, else null. */
let session = null;
/** Ends what belongs to the view that is shown: its requests, timers and listeners. */
let leaving = new AbortController();
/** How changes of jobs reach the page: by `socket`, by `asking`, or not at all yet. */
let way = null;

function begin(secret, { account, plan }) {
  key.set(secret);
  // An answer to who was signed in before says nothing about who is now.
  const onRefused = () => session?.api === api && end(t("signIn.ended"));
  const api = apiOf(secret, { onRefused });
  const onWay = (told) => {
    way = told;
    showWay();
  };
  session = { api, live: liveUpdates(api, { onWay }), account: { account, plan } };
}

function end(notice) {
  session?.live.stop();
  session = null;
  way = null;
  key.forget();
  visit.forget();
  forgetDraft();
  show(notice);
}

/** The parts of `#/jobs/ID`: `["jobs", "ID"]`. */
function place() {
  const parts = location.hash.replace(/^#\/?/, "").split("/");
  return parts[0] === "" ? ["submit"] : parts;
}

function viewOf(room, [name, inner], notice) {
  if (name === "operator") return operatorView(room, inner, () => show());
  if (!session) {
    const signIn = (secret, who) => {
      begin(secret, who);
      show();
    };
    return signInView({ signIn, notice, signal: room.signal });
  }
  if (name === "jobs" && inner) return jobView(room, inner);
  if (name === "webhooks" && inner) return webhookView(room, inner);
  return (Object.hasOwn(VIEWS, name) ? VIEWS[name] : submitView)(room);
}

const VIEWS = { submit: submitView, jobs: jobsView, limits: limitsView, webhooks: webhooksView };

/** Shows the view of the present place. The focus goes to its heading, unless the page was just opened. */
function show(notice, { focus = true } = {}) {
  leaving.abort();
  leaving = new AbortController();
  const room = { ...session, signal: leaving.signal };
  const here = place();
  const view = viewOf(room, here, notice);
  const main = h("main", { id: "main", tabindex: "-1" }, view);
  const onLanguage = (chosen) => {
    chooseLanguage(chosen);
    start({ focus: false });
    document.querySelector(".switches select")?.focus();
  };
  replace(
    page,
    ...shell({
      main,
      language: language(),
      account: session?.account,
      here: here[0],
      onLanguage,
      onSignOut: () => end(),
    }),
  );
  const heading = view.querySelector("h1");
  document.title = `${heading?.textContent ?? ""} · Forebay`;
  showWay();
  if (focus) {
    window.scrollTo(0, 0);
    heading?.focus({ preventScroll: true });
  }
}

function showWay() {
  const line = document.getElementById("way");
  if (line) line.textContent = way ? t(`app.way.${way}`) : "";
}

function start(options) {
  speak(language(), navigator.languages);
  document.documentElement.lang = tag();
  show(undefined, options);
}

/** A tab that was signed in before it was loaded again is so still, if the key still lets in. */
async function resume() {
  const secret = key.get();
  if (secret === null) return start({ focus: false });
  try {
    begin(secret, await apiOf(secret).quota());
    start({ focus: false });
  } catch (problem) {
    if (problem.refusesCredentials) {
      key.forget();
      return start({ focus: false });
    }
    speak(language(), navigator.languages);
    replace(page, h("main", { class: "narrow" }, problemNote(problem, { onRetry: resume })));
  }
}

window.addEventListener("hashchange", () => show());
await resume();
