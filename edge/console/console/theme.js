// Runs before the first paint, so that a chosen appearance does not flash the other one.
{
  const theme = localStorage.getItem("forebay.theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
}
