// Runs in the head before the first paint, so that a remembered choice never flashes the other theme.
(function () {
  "use strict";
  const root = document.documentElement;
  const themes = ["auto", "light", "dark"];

  function remembered() {
    try {
      const value = window.localStorage.getItem("theme");
      return themes.includes(value) ? value : "auto";
    } catch {
      return "auto"; // storage is switched off: follow the system
    }
  }

  function remember(theme) {
    try {
      window.localStorage.setItem("theme", theme);
    } catch {
      return; // the choice then lasts as long as the page
    }
  }

  // The first click must show a difference, so it goes to the opposite of what the system asks for.
  function order() {
    return window.matchMedia("(prefers-color-scheme: dark)").matches ? ["auto", "light", "dark"] : ["auto", "dark", "light"];
  }

  root.dataset.theme = remembered();
  root.classList.add("js");

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.querySelector("[data-theme-toggle]");
    if (!button) return;
    const label = () => {
      const words = button.dataset[root.dataset.theme];
      button.setAttribute("aria-label", words);
      button.title = words;
    };
    button.hidden = false;
    label();
    button.addEventListener("click", () => {
      const steps = order();
      root.dataset.theme = steps[(steps.indexOf(root.dataset.theme) + 1) % steps.length];
      remember(root.dataset.theme);
      label();
    });
  });
})();
