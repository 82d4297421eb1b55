// Following jobs, by whichever way there is: a WebSocket, else long polls.

import { asking } from "./asking.js";
import { isFinal, later } from "./order.js";
import { jobSocket } from "./socket.js";

/** A socket watches no more jobs; further ones are asked about. */
const MOST_BY_SOCKET = 100;
/** How long a followed job may say nothing before it is asked about: events are hints. A new one is told at once. */
const SILENCE_MS = 30_000;
const FIRST_SILENCE_MS = 2000;

/** Follows jobs for as long as somebody watches them. */
export function liveUpdates(api, { onWay = () => {} } = {}) {
  const followed = new Map(); // id → { job, listeners, askAt }
  const asker = asking({ api, onJob: tell, onLost: lose });
  const url = `${location.origin.replace(/^http/, "ws")}/v1/events`;
  const socket = jobSocket({
    url,
    token: api.token,
    onJob: tell,
    onRefused: () => [...followed.keys()].forEach((id) => asker.add(id)),
    onOpen() {
      const all = [...followed.keys()];
      const ids = all.slice(0, MOST_BY_SOCKET);
      socket.watch(ids);
      for (const id of ids) {
        asker.drop(id);
        followed.get(id).askAt = Date.now() + FIRST_SILENCE_MS;
      }
      all.slice(MOST_BY_SOCKET).forEach((id) => asker.add(id));
      onWay("socket");
    },
    onClose() {
      [...followed.keys()].forEach((id) => asker.add(id));
      onWay("asking");
      return followed.size > 0;
    },
  });
  const silence = setInterval(() => {
    const now = Date.now();
    for (const [id, { askAt }] of followed) if (now > askAt) ask(id);
  }, FIRST_SILENCE_MS);

  function begin(id) {
    socket.want();
    if (socket.isOpen() && followed.size <= MOST_BY_SOCKET) {
      socket.watch([id]);
    } else if (!socket.isOpening()) asker.add(id);
  }

  async function ask(id) {
    const one = followed.get(id);
    if (one) one.askAt = Date.now() + SILENCE_MS;
    try {
      tell(await api.job(id));
    } catch (problem) {
      if (problem.status === 404 || problem.status === 410) lose(id, problem);
    }
  }

  function tell(incoming) {
    const one = followed.get(incoming.id);
    if (!one) return;
    one.askAt = Date.now() + SILENCE_MS;
    const job = later(one.job, incoming);
    if (job === one.job) return;
    one.job = job;
    // The other side no longer watches what has ended.
    if (isFinal(job.status)) forget(job.id, { tell: false });
    one.listeners.forEach(({ onJob }) => onJob(job));
  }

  function lose(id, problem) {
    const one = followed.get(id);
    if (!one) return;
    forget(id);
    one.listeners.forEach(({ onLost }) => onLost?.(problem));
  }

  function forget(id, { tell = true } = {}) {
    followed.delete(id);
    asker.drop(id);
    if (tell) socket.unwatch([id]);
  }

  return {
    /** Tells `onJob` of every change until the job ends or `signal` aborts; begins with what is known already. */
    follow(job, { onJob, onLost, signal }) {
      if (isFinal(job.status) || signal.aborted) return;
      const listener = { onJob, onLost };
      const one = followed.get(job.id) ?? { job, listeners: new Set(), askAt: Date.now() + FIRST_SILENCE_MS };
      const isNew = one.listeners.size === 0;
      one.listeners.add(listener);
      followed.set(job.id, one);
      if (isNew) begin(job.id);
      signal.addEventListener("abort", () => {
        one.listeners.delete(listener);
        if (one.listeners.size === 0 && followed.get(job.id) === one) forget(job.id);
      });
    },
    stop() {
      clearInterval(silence);
      followed.clear();
      asker.stop();
      socket.close();
    },
  };
}
