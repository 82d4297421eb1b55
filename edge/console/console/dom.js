// Elements without a framework. Text is always text: nothing here reads HTML.

const SVG = "http://www.w3.org/2000/svg";

/** Makes an element: `h("button", { class: "quiet", onclick: stop }, "Stop")`. Children null and false are left out. */
export function h(name, properties = {}, ...children) {
  return fill(document.createElement(name), properties, children);
}

/** The same for SVG. */
export function s(name, properties = {}, ...children) {
  return fill(document.createElementNS(SVG, name), properties, children);
}

/** Puts other children into an element. */
export function replace(element, ...children) {
  element.replaceChildren(...present(children));
  return element;
}

function fill(element, properties, children) {
  for (const [key, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (key === "style") for (const [name, text] of Object.entries(value)) element.style.setProperty(name, text);
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...present(children));
  return element;
}

function present(children) {
  return children.flat().filter((child) => child !== null && child !== undefined && child !== false);
}

let made = 0;

/** An id that no other element of the page has: labels and descriptions point by id. */
export function uniqueId(stem) {
  made += 1;
  return `${stem}-${made}`;
}
