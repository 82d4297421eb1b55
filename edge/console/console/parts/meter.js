import { h } from "../dom.js";

/** A bar of how much of something is used, with words before and behind it. */
export function meter({ name, detail, used, limit, after }) {
  const share = limit > 0 ? Math.min(1, used / limit) : 0;
  const level = share >= 0.9 ? "high" : "fine";
  return h(
    "div",
    { class: "meter" },
    h(
      "div",
      { class: "meter-head" },
      h("span", {}, h("strong", {}, name), " ", h("span", { class: "faint" }, detail)),
      h("span", {}, after),
    ),
    h(
      "div",
      {
        class: "meter-track",
        role: "meter",
        "aria-label": `${name}, ${detail}`,
        "aria-valuemin": 0,
        "aria-valuemax": limit,
        // More may be used than there is: a limit can be lowered while jobs wait.
        "aria-valuenow": Math.min(used, limit),
        "aria-valuetext": after,
      },
      h("div", { class: `meter-fill meter-${level}`, style: { "--share": share.toFixed(4) } }),
    ),
  );
}
