// Sending files for an import: limits are said before anything is sent, and the sending shows how far it is.
"use strict";

const form = document.querySelector("[data-upload]");
if (form) form.addEventListener("submit", (event) => submit(event, form));

function submit(event, form) {
  event.preventDefault();
  const files = [...form.querySelector("input[type=file]").files];
  const problem = refusal(form, files);
  say(form, problem);
  if (!problem) send(form);
}

function refusal(form, files) {
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  if (files.length > Number(form.dataset.mostFiles)) return form.dataset.wordsFiles;
  if (bytes > Number(form.dataset.mostBytes)) return form.dataset.wordsBytes;
  return "";
}

function say(form, words) {
  form.querySelector("[data-error]").replaceChildren(...(words ? [paragraph(words)] : []));
}

function paragraph(words) {
  const element = document.createElement("p");
  element.className = "field__error";
  element.textContent = words;
  return element;
}

function send(form) {
  const button = form.querySelector("button");
  const request = new XMLHttpRequest();
  button.disabled = true;
  request.upload.addEventListener("progress", (event) => show(form, event));
  request.addEventListener("error", () => {
    button.disabled = false;
    form.querySelector("[data-progress]").hidden = true;
    say(form, form.dataset.wordsFailed);
  });
  request.addEventListener("load", () => arrive(request, form, button));
  request.open("POST", form.action);
  request.send(new FormData(form));
}

function show(form, event) {
  const box = form.querySelector("[data-progress]");
  const percent = event.total ? Math.floor((100 * event.loaded) / event.total) : 0;
  box.hidden = false;
  box.querySelector("[role=progressbar]").setAttribute("aria-valuenow", String(percent));
  box.querySelector(".progress__bar").style.width = `${percent}%`;
  box.querySelector("[data-progress-words]").textContent = `${percent} %`;
}

// The server answers with the page of the new import, or with this page and the reason why not.
function arrive(request, form, button) {
  if (request.status === 200 && request.responseURL !== form.action) {
    window.location.assign(request.responseURL);
    return;
  }
  button.disabled = false;
  form.querySelector("[data-progress]").hidden = true;
  const answer = new DOMParser().parseFromString(request.responseText, "text/html");
  const reason = answer.querySelector("[data-upload] [data-error]")?.textContent.trim();
  say(form, reason || form.dataset.wordsFailed);
}
