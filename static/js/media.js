// The frames of a clip beside its player: choosing one goes there, and playing marks the one at hand.
"use strict";

const strip = document.querySelector("[data-strip]");
if (strip) connect(strip);

function connect(strip) {
  const player = document.querySelector("[data-player]");
  const still = document.querySelector("[data-still]");
  const unplayable = document.querySelector("[data-unplayable]");
  const bar = strip.querySelector("[data-bar]");
  const head = strip.querySelector("[data-head]");
  const intervals = [...strip.querySelectorAll("[data-interval]")];
  const frames = [...strip.querySelectorAll("[data-frame]")];
  const length = Number(strip.dataset.length) || 0;
  const starts = frames.map((frame) => Number(frame.dataset.start));
  let current = -1;
  // Animated pictures and formats the browser cannot play have no time to go to: the frame itself is shown.
  let plays = Boolean(player);

  function frameAt(time) {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle] <= time + 0.001) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  function mark(index, time) {
    if (length > 0) head.style.left = `${Math.min(100, (100 * time) / length)}%`;
    if (index === current) return;
    if (frames[current]) {
      frames[current].removeAttribute("aria-current");
      frames[current].tabIndex = -1;
      intervals[current].classList.remove("strip__interval--now");
    }
    current = index;
    frames[index].setAttribute("aria-current", "true");
    frames[index].tabIndex = 0;
    intervals[index].classList.add("strip__interval--now");
    const list = frames[index].closest("[data-frames]");
    const item = frames[index].parentElement;
    if (item.offsetLeft < list.scrollLeft || item.offsetLeft + item.offsetWidth > list.scrollLeft + list.clientWidth) {
      list.scrollTo({ left: item.offsetLeft - list.clientWidth / 2 });
    }
  }

  function go(time, index = frameAt(time)) {
    if (plays) {
      player.currentTime = time;
    } else if (still) {
      still.src = frames[index].querySelector("img").src;
      still.hidden = false;
    }
    mark(index, time);
  }

  if (!frames.length) return;
  frames.forEach((frame, index) => {
    frame.tabIndex = index === 0 ? 0 : -1;
    frame.addEventListener("click", (event) => {
      event.preventDefault();
      go(Number(frame.dataset.time), index);
    });
  });
  strip.querySelector("[data-frames]").addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -frames.length, End: frames.length };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const at = frames.indexOf(document.activeElement);
    const next = Math.min(frames.length - 1, Math.max(0, at + steps[event.key]));
    frames.forEach((frame, index) => (frame.tabIndex = index === next ? 0 : -1));
    frames[next].focus();
  });
  bar.addEventListener("click", (event) => {
    const box = bar.getBoundingClientRect();
    go((length * (event.clientX - box.left)) / box.width);
  });
  if (player) {
    player.addEventListener("timeupdate", () => mark(frameAt(player.currentTime), player.currentTime));
    const failed = () => {
      plays = false;
      unplayable.hidden = false;
      go(Number(frames[0].dataset.time), 0);
    };
    player.addEventListener("error", failed);
    if (player.error) failed();
  }
  mark(0, 0);
}
