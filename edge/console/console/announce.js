// What changes without being touched, told to those who do not see it.

const polite = () => document.getElementById("announce");

/** Says a sentence. The same one twice is said twice. */
export function announce(text) {
  const region = polite();
  if (!region) return;
  const line = document.createElement("p");
  line.textContent = text;
  region.append(line);
  while (region.childElementCount > 3) region.firstElementChild.remove();
}
