// Which of two tellings of a job is the later one. Events, answers and reconnects may cross each other.

const ENDED = ["failed", "canceled", "succeeded", "expired"];

/** Whether nothing more will happen to a job of that status. */
export function isFinal(status) {
  return ENDED.includes(status);
}

/**
 * The later of what is known of a job and what comes in.
 *
 * A job only moves forward: an attempt has a higher number than the one before, and waits again after it was returned.
 * A result may replace a failure that was told first, and may expire; every other end stays.
 */
export function later(known, incoming) {
  if (!known) return incoming;
  const [before, after] = [isFinal(known.status), isFinal(incoming.status)];
  if (before && !after) return known;
  if (before && after) {
    const moves = known.status !== "canceled" && ENDED.indexOf(incoming.status) >= ENDED.indexOf(known.status);
    return moves ? incoming : known;
  }
  if (after) return incoming;
  if (turn(incoming) !== turn(known)) return turn(incoming) > turn(known) ? incoming : known;
  return (incoming.progress?.done ?? 0) >= (known.progress?.done ?? 0) ? incoming : known;
}

/** queued 0, running 1, queued again after attempt 1, running 2, … as rising numbers. */
function turn({ status, attempt }) {
  return attempt * 2 + (status === "queued" ? 1 : 0);
}
