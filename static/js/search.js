// The search box: choose, drop, paste or photograph a file, or give an address, and go to the results.
import { announce } from "./page.js";
import { readableSize, send } from "./sending.js";

const form = document.querySelector("[data-search]");
const find = (name) => form.querySelector(`[data-${name}]`);
const words = form.dataset;
const address = form.elements.url;
let running = null;
let preview = null;

function showError(field, message) {
  const known = ["file", "url"].includes(field) ? field : "file";
  form.querySelector(`[data-error="${known}"]`).textContent = message;
  form.elements[known].toggleAttribute("aria-invalid", Boolean(message));
  if (message) form.elements[known].setAttribute("aria-invalid", "true");
}

function clearErrors() {
  showError("file", "");
  showError("url", "");
}

function setBusy(busy) {
  find("sending").hidden = !busy;
  find("drop").hidden = busy;
  form.classList.toggle("search-box--busy", busy);
  address.readOnly = busy;
}

function showPreview(file) {
  if (preview) URL.revokeObjectURL(preview);
  preview = null;
  const stage = find("preview");
  stage.querySelector("img")?.remove();
  stage.querySelector("svg").removeAttribute("hidden");
  if (!file?.type.startsWith("image/")) return;
  preview = URL.createObjectURL(file);
  const picture = new Image();
  picture.alt = "";
  picture.addEventListener("load", () => {
    stage.querySelector("svg").setAttribute("hidden", "");
    stage.append(picture);
  });
  picture.src = preview; // a format this browser cannot show keeps the symbol
}

function showProgress(loaded, total) {
  const percent = total ? Math.round((loaded / total) * 100) : 0;
  find("bar").style.width = `${percent}%`;
  find("progress").setAttribute("aria-valuenow", String(percent));
  const done = total && loaded >= total;
  find("state").textContent = done ? words.wordsChecking : `${words.wordsUploading} ${percent} %`;
}

function refuse(answer) {
  setBusy(false);
  const fields = Object.entries(answer.errors);
  for (const [field, errors] of fields) {
    showError(field === "url" ? "url" : "file", errors.map((error) => error.message).join(" "));
  }
  form.elements[answer.errors.url ? "url" : "file"].focus();
}

async function start(body, { name, size, state }) {
  clearErrors();
  running = new AbortController();
  find("name").textContent = name;
  find("size").textContent = size;
  showProgress(0, 0);
  find("state").textContent = state;
  setBusy(true);
  announce(`${state} ${name}`);
  find("cancel").focus();
  try {
    const answer = await send({ action: form.action, body, wordsTooLarge: words.wordsTooLarge }, { onProgress: showProgress, signal: running.signal });
    if (answer.errors) refuse(answer);
    else window.location.assign(answer.url);
  } catch (error) {
    setBusy(false);
    if (error.message === "cancelled") announce(words.wordsCancelled);
    else showError(body.has("url") ? "url" : "file", error.message === "network" ? words.wordsNetwork : words.wordsServer);
    form.elements.file.focus();
  } finally {
    running = null;
  }
}

function payload(name, value, fileName) {
  const body = new FormData();
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  if (fileName) body.set(name, value, fileName);
  else body.set(name, value);
  return body;
}

function searchFile(file) {
  if (running) return;
  clearErrors();
  if (!file.size) return showError("file", words.wordsEmpty);
  if (file.size > Number(words.maxBytes)) return showError("file", words.wordsTooLarge);
  showPreview(file);
  start(payload("file", file, file.name || "picture.png"), { name: file.name, size: readableSize(file.size), state: words.wordsUploading });
}

function searchAddress(text) {
  if (running) return;
  showPreview(null);
  start(payload("url", text), { name: text, size: "", state: words.wordsFetching });
}

for (const input of [form.elements.file, form.elements.camera]) {
  input.addEventListener("change", () => {
    if (input.files[0]) searchFile(input.files[0]);
    input.value = "";
  });
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const text = address.value.trim();
  if (text) searchAddress(text);
  else form.elements.file.click();
});

find("cancel").addEventListener("click", () => running?.abort());
window.addEventListener("pageshow", () => setBusy(Boolean(running))); // "back" shows the box ready again

document.addEventListener("paste", (event) => {
  const file = event.clipboardData?.files[0];
  if (file) {
    event.preventDefault();
    searchFile(file);
    return;
  }
  if (event.target.closest("input, textarea")) return;
  const text = event.clipboardData?.getData("text").trim() ?? "";
  if (!/^https?:\/\/\S+$/i.test(text)) return;
  address.value = text;
  searchAddress(text);
});

// Dragging: enter and leave fire for every element passed, so they are counted.
const overlay = document.querySelector("[data-drop-overlay]");
let depth = 0;
const draggable = (event) => ["Files", "text/uri-list"].some((type) => event.dataTransfer?.types.includes(type));

function endDrag() {
  depth = 0;
  overlay.hidden = true;
}

document.addEventListener("dragenter", (event) => {
  if (!draggable(event) || running) return;
  event.preventDefault();
  depth += 1;
  overlay.hidden = false;
});
document.addEventListener("dragleave", () => {
  depth -= 1;
  if (depth <= 0) endDrag();
});
document.addEventListener("dragover", (event) => {
  if (draggable(event)) event.preventDefault();
});
document.addEventListener("drop", (event) => {
  if (!draggable(event)) return;
  event.preventDefault();
  endDrag();
  const file = event.dataTransfer.files[0];
  const text = event.dataTransfer.getData("text/uri-list").split("\n").find((line) => /^https?:/i.test(line));
  if (file) searchFile(file);
  else if (text) searchAddress(text.trim());
});
