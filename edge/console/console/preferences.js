// What a person chose about how the console looks: kept in the browser, it is no secret.

const LANGUAGE = "forebay.language";
const THEME = "forebay.theme";

/** The languages there are strings for, each by its own name. */
export const LANGUAGES = { en: "English", zh: "中文" };

/** The appearances, `auto` being the system's. */
export const THEMES = ["auto", "light", "dark"];

/** The language to begin with: the chosen one, else the first of the browser's that there is, else English. */
export function language() {
  const wanted = [localStorage.getItem(LANGUAGE), ...navigator.languages];
  const known = wanted.map((tag) => tag?.slice(0, 2).toLowerCase()).find((tag) => tag && tag in LANGUAGES);
  return known ?? "en";
}

export function chooseLanguage(tag) {
  localStorage.setItem(LANGUAGE, tag);
}

/** The chosen appearance. */
export function theme() {
  const chosen = localStorage.getItem(THEME);
  return THEMES.includes(chosen) ? chosen : "auto";
}

export function chooseTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  localStorage.setItem(THEME, theme);
}
