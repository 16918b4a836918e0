// What every page needs beside htmx: one polite announcer for changes that happen without a page load.
"use strict";

const announcer = document.getElementById("announcer");

export function announce(words) {
  // The same words twice would be read twice, so a poll that brings nothing new stays silent.
  if (announcer && words && announcer.textContent !== words) announcer.textContent = words;
}

function announceWithin(root) {
  const found = root.matches?.("[data-announce]") ? root : root.querySelector?.("[data-announce]");
  if (found) announce(found.dataset.announce);
}

document.body.addEventListener("htmx:afterSettle", (event) => announceWithin(event.detail.elt ?? event.target));
