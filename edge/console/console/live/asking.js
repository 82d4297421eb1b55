// Following jobs without a WebSocket: long polls, a few at a time.

/** A browser has six connections to an HTTP/1.1 server; the rest of the console needs some of them. */
const AT_ONCE = 3;
/** A poll is answered when the job ends. Waiting no longer than this also shows that it has begun. */
const WAIT_S = 3;
const WAIT_HIDDEN_S = 25;
/** The least time between two questions about one job, and the pause after no answer. */
const PACE_MS = 1000;
const PAUSE_MS = 3000;

/**
 * Asks about jobs in turn until they end or are dropped.
 *
 * `onJob(job)` hears every answer, `onLost(id, problem)` that there is no such job (any more).
 */
export function asking({ api, onJob, onLost, now = () => performance.now() }) {
  const waiting = new Map(); // id → when to ask
  const asked = new Map(); // id → its AbortController
  let timer = null;

  function turn() {
    clearTimeout(timer);
    const due = [...waiting].sort((one, other) => one[1] - other[1]);
    for (const [id, at] of due) {
      if (asked.size >= AT_ONCE) return;
      if (at > now()) {
        timer = setTimeout(turn, at - now());
        return;
      }
      waiting.delete(id);
      ask(id);
    }
  }

  async function ask(id) {
    const control = new AbortController();
    asked.set(id, control);
    const began = now();
    let again = began + PACE_MS;
    try {
      const job = await api.job(id, { waitS: document.hidden ? WAIT_HIDDEN_S : WAIT_S, signal: control.signal });
      if (asked.get(id) === control) onJob(job);
    } catch (problem) {
      if (problem.name === "AbortError") return;
      if ([400, 401, 404, 410].includes(problem.status)) {
        drop(id);
        onLost(id, problem);
      }
      again = now() + (problem.retryAfterMs ?? PAUSE_MS);
    }
    // Whoever dropped it meanwhile took it out of `asked`.
    if (asked.get(id) !== control) return turn();
    asked.delete(id);
    waiting.set(id, again);
    turn();
  }

  function drop(id) {
    waiting.delete(id);
    asked.get(id)?.abort();
    asked.delete(id);
  }

  return {
    add(id) {
      if (waiting.has(id) || asked.has(id)) return;
      waiting.set(id, now());
      turn();
    },
    drop(id) {
      drop(id);
      turn();
    },
    stop() {
      clearTimeout(timer);
      for (const id of [...waiting.keys(), ...asked.keys()]) drop(id);
    },
  };
}
