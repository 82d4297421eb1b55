// Numbers and times as people read them, in the language of the console.

import { locale } from "./strings/index.js";

const A_DAY_MS = 86_400_000;

/** Milliseconds as a length of time: "340 ms", "12 sec", "3 min". */
export function duration(ms) {
  const [unit, size] = unitOf(ms);
  const value = ms / size;
  const digits = unit !== "millisecond" && value < 10 ? 1 : 0;
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: digits };
  return new Intl.NumberFormat(locale(), options).format(value);
}

function unitOf(ms) {
  if (ms < 1000) return ["millisecond", 1];
  if (ms < 120_000) return ["second", 1000];
  if (ms < 7_200_000) return ["minute", 60_000];
  if (ms < 172_800_000) return ["hour", 3_600_000];
  return ["day", 86_400_000];
}

/** A point in time, to the second. */
export function moment(ms) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(ms);
}

/** The time of day alone. */
export function clock(ms) {
  return new Intl.DateTimeFormat(locale(), { timeStyle: "medium" }).format(ms);
}

/** A point in time: of today the time alone. */
export function near(ms) {
  return Math.abs(ms - Date.now()) < A_DAY_MS / 2 ? clock(ms) : moment(ms);
}

export function number(value, digits = 0) {
  return new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value);
}

/** 0 to 1 as per cent. */
export function percent(share) {
  return new Intl.NumberFormat(locale(), {
    style: "percent",
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
  }).format(share);
}

export function bytes(count) {
  const [unit, size] = count < 1000 ? ["byte", 1] : count < 1e6 ? ["kilobyte", 1000] : ["megabyte", 1e6];
  const options = { style: "unit", unit, unitDisplay: "short", maximumFractionDigits: count < 1000 ? 0 : 1 };
  return new Intl.NumberFormat(locale(), options).format(count / size);
}

/** The day of a point in time in UTC, as the API writes days. */
export function isoDay(ms) {
  return new Date(ms).toISOString().slice(0, 10);
}
