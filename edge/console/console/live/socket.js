// Following jobs over one WebSocket.

/** Job ids in one message: a message may have 4 KiB. */
const IDS_A_MESSAGE = 50;
/** The least time between two messages: a socket may not talk without end, sixty times in ten seconds at most. */
const BREATH_MS = 400;
const OPENS_WITHIN_MS = 4000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * A WebSocket that opens when it is wanted and opens again, after a growing pause, when it ends.
 *
 * `onOpen()` is the moment to watch, `onJob(job)` an event, `onRefused(problem)` a message that was not taken,
 * `onClose()` the moment to follow otherwise; it says whether the socket is still wanted.
 */
export function jobSocket({ url, token, onOpen, onJob, onRefused, onClose, Socket = WebSocket, random = Math.random }) {
  let socket = null;
  let timer = null;
  let pause = FIRST_PAUSE_MS;
  let wanted = false;
  /** What is still to be said, by verb. */
  const wishes = { watch: new Set(), unwatch: new Set() };
  let gathering = null;
  let saidAt = -BREATH_MS;

  function open() {
    clearTimeout(timer);
    if (socket || !wanted) return;
    try {
      // Browsers can send no header with it; the key goes as a subprotocol, which is part of no address and no log.
      socket = new Socket(url, ["forebay.v1", `forebay.bearer.${token}`]);
    } catch {
      return; // A token of other characters cannot go that way: it never will.
    }
    const opened = socket;
    timer = setTimeout(() => opened.close(), OPENS_WITHIN_MS);
    opened.onopen = () => {
      clearTimeout(timer);
      pause = FIRST_PAUSE_MS;
      onOpen();
    };
    opened.onmessage = ({ data }) => hear(data);
    opened.onclose = () => {
      if (socket !== opened) return;
      socket = null;
      clearTimeout(timer);
      forget();
      wanted = onClose();
      timer = wanted ? setTimeout(open, pause * (0.5 + random())) : null;
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    };
  }

  function hear(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    if (message.type === "job" && message.job) onJob(message.job);
    if (message.type === "error") onRefused(message.problem);
  }

  /** Two wishes that cancel each other are not said. */
  function wish(verb, opposite, ids) {
    for (const id of ids) if (!wishes[opposite].delete(id)) wishes[verb].add(id);
    gathering ??= setTimeout(say, Math.max(0, saidAt + BREATH_MS - performance.now()));
  }

  function say() {
    saidAt = performance.now();
    for (const [verb, ids] of Object.entries(wishes)) {
      const all = socket?.readyState === 1 ? [...ids] : [];
      for (let at = 0; at < all.length; at += IDS_A_MESSAGE) {
        socket.send(JSON.stringify({ [verb]: all.slice(at, at + IDS_A_MESSAGE) }));
      }
    }
    forget();
  }

  function forget() {
    clearTimeout(gathering);
    gathering = null;
    for (const ids of Object.values(wishes)) ids.clear();
  }

  return {
    want() {
      wanted = true;
      if (!socket && timer === null) open();
    },
    watch: (ids) => wish("watch", "unwatch", ids),
    unwatch: (ids) => wish("unwatch", "watch", ids),
    isOpen: () => socket?.readyState === 1,
    isOpening: () => socket?.readyState === 0,
    close() {
      wanted = false;
      clearTimeout(timer);
      timer = null;
      forget();
      const closing = socket;
      socket = null;
      closing?.close();
    },
  };
}
