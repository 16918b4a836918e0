// One lane of the timeline: a strip of keyframes over a window of time, matched ranges, an axis and a playhead.

const SLOT_PX = 96;
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];

export function clock(seconds, step = 1) {
  const digits = step < 1 ? 1 : 0;
  const whole = Number(seconds.toFixed(digits));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60)];
  const rest = (whole % 60).toFixed(digits).padStart(digits ? 4 : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

function block(className, tag = "div") {
  const made = document.createElement(tag);
  made.className = className;
  return made;
}

export class Lane {
  constructor(root, lane, spans) {
    Object.assign(this, { root, lane, spans, from: 0, to: lane.duration });
    this.strip = root.querySelector("[data-strip]");
    this.axis = root.querySelector("[data-axis]");
    this.pictures = block("lane__pictures");
    this.head = block("playhead");
    this.head.hidden = true;
    this.strip.append(this.pictures);
    this.strip.classList.toggle("lane__strip--still", lane.still);
    this.dims = lane.still ? [] : [...spans, null].map(() => block("lane__dim"));
    this.strip.append(...this.dims, this.head);
    this.strip.addEventListener("click", (event) => {
      if (event.target.closest(".range") || lane.still) return;
      this.onSeek?.(this.timeAt(event.clientX));
    });
  }

  timeAt(clientX) {
    const area = this.strip.getBoundingClientRect();
    return this.from + ((clientX - area.left) / area.width) * (this.to - this.from);
  }

  // Where a time lies, as a fraction of the lane; outside the window it is below 0 or above 1.
  place(time) {
    return (time - this.from) / (this.to - this.from);
  }

  show(from, to) {
    this.from = Math.max(0, from);
    this.to = Math.min(this.lane.duration, Math.max(to, this.from + 0.1));
    this.draw();
  }

  draw() {
    this.drawPictures();
    if (this.lane.still) return;
    this.drawDims();
    this.drawAxis();
  }

  frameAt(time) {
    const { frames } = this.lane;
    return frames[Math.max(frames.findLastIndex(([, start]) => start <= time), 0)];
  }

  drawPictures() {
    const count = this.lane.still ? 1 : Math.max(3, Math.round(this.strip.clientWidth / SLOT_PX));
    const wanted = Array.from({ length: count }, (_, slot) => this.frameAt(this.from + ((slot + 0.5) / count) * (this.to - this.from)));
    while (this.pictures.children.length > count) this.pictures.lastChild.remove();
    wanted.forEach((frame, slot) => {
      const picture = this.pictures.children[slot] ?? this.pictures.appendChild(Object.assign(new Image(), { alt: "", draggable: false }));
      const source = frame ? `${this.lane.pictures}${frame[0]}.webp` : "";
      if (source && picture.getAttribute("src") !== source) picture.src = source;
    });
  }

  drawDims() {
    const sorted = this.spans.filter(Boolean).sort((a, b) => a[0] - b[0]);
    let at = this.from;
    const gaps = [];
    for (const [start, end] of sorted) {
      if (start > at) gaps.push([at, start]);
      at = Math.max(at, end);
    }
    gaps.push([at, this.to]);
    this.dims.forEach((dim, index) => {
      const gap = gaps[index] ?? [0, 0];
      this.stretch(dim, gap[0], gap[1]);
    });
  }

  stretch(element, start, end) {
    const [left, right] = [start, end].map((time) => Math.min(Math.max(this.place(time), 0), 1));
    Object.assign(element.style, { left: `${left * 100}%`, width: `${Math.max(right - left, 0) * 100}%` });
    element.hidden = right <= 0 || left >= 1 || right <= left;
  }

  drawAxis() {
    const room = Math.max(2, Math.floor(this.strip.clientWidth / 90));
    const step = TICKS.find((tick) => (this.to - this.from) / tick <= room) ?? 7200;
    const labels = [];
    for (let time = Math.ceil(this.from / step - 1e-6) * step; time <= this.to + 1e-6; time += step) {
      const place = this.place(time);
      const label = block("", "span");
      label.textContent = clock(time, step);
      label.style.left = `${place * 100}%`;
      label.style.translate = place < 0.03 ? "0 0" : place > 0.97 ? "-100% 0" : "-50% 0";
      labels.push(label);
    }
    this.axis.replaceChildren(...labels);
  }

  moveHead(time) {
    if (this.lane.still) return;
    const place = this.place(time);
    this.head.hidden = place < 0 || place > 1;
    this.head.style.left = `${place * 100}%`;
  }
}
