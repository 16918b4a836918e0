// Single keys for the buttons and links that carry data-key. Never while somebody writes, never with a
// modifier, never by holding a key down; and off altogether where the person has switched them off.
"use strict";

const STORED = "sightline-shortcuts";
const WRITING = "textarea, select, [contenteditable], video, audio, input:not([type=checkbox], [type=radio])";
const toggle = document.querySelector("[data-shortcuts]");
let isLeaving = false;

function isOn() {
  return localStorage.getItem(STORED) !== "off";
}

function press(event) {
  if (isLeaving || event.defaultPrevented || event.repeat || event.isComposing || !isOn()) return;
  if (event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return;
  if (event.target.closest?.(WRITING)) return;
  const wanted = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const found = document.querySelector(`[data-key="${CSS.escape(wanted)}"]`);
  if (!found) return;
  event.preventDefault();
  isLeaving = true; // the same key pressed twice decides once
  found.click();
}

document.addEventListener("keydown", press);
addEventListener("pageshow", () => { isLeaving = false; });

if (toggle) {
  toggle.closest(".shortcuts").hidden = false;
  toggle.checked = isOn();
  toggle.addEventListener("change", () => localStorage.setItem(STORED, toggle.checked ? "on" : "off"));
}
