// What stands around every view: the name, the ways, the switches, who is signed in.

import { h, uniqueId } from "./dom.js";
import { LANGUAGES, THEMES, chooseTheme, theme } from "./preferences.js";
import { t } from "./strings/index.js";

const WAYS = ["submit", "jobs", "limits", "webhooks", "operator"];

/** The page around `main`, in the present language. */
export function shell({ main, language, account, here, onLanguage, onSignOut }) {
  const mark = h("img", { src: "icon.svg", alt: "", width: 26, height: 26 });
  // Everything but the operator's pages needs a key.
  const ways = WAYS.filter((way) => account || way === "operator");
  return [
    h("a", { class: "skip", href: "#main", onclick: skip(main) }, t("app.skip")),
    h(
      "header",
      { class: "top" },
      h("a", { class: "brand", href: "#/submit" }, mark, h("span", {}, "Forebay")),
      h(
        "nav",
        { "aria-label": t("app.navigation") },
        ways.map((way) => h("a", { href: `#/${way}`, "aria-current": way === here && "page" }, t(`nav.${way}`))),
      ),
      h(
        "div",
        { class: "switches" },
        chooser(t("app.language"), Object.entries(LANGUAGES), language, onLanguage),
        chooser(
          t("app.theme"),
          THEMES.map((name) => [name, t(`theme.${name}`)]),
          theme(),
          chooseTheme,
        ),
        account && h("span", { class: "account faint small" }, t("app.account", account)),
        account && h("button", { type: "button", class: "quiet", onclick: onSignOut }, t("app.signOut")),
      ),
    ),
    main,
    h("footer", { class: "faint small", id: "way" }),
  ];
}

/** A hash is a way of the console: the focus is moved by hand instead. */
function skip(main) {
  return (event) => {
    event.preventDefault();
    main.focus();
  };
}

function chooser(label, options, chosen, choose) {
  const id = uniqueId("switch");
  const items = options.map(([value, text]) => h("option", { value, selected: value === chosen }, text));
  return h(
    "span",
    {},
    h("label", { for: id, class: "unseen" }, label),
    h("select", { id, class: "switch", onchange: (event) => choose(event.target.value) }, items),
  );
}
