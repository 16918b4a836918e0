// The evidence of a copy: agreeing points joined by lines, and the query warped onto the reference.
import { matrix3d } from "./homography.js";

const SVG = "http://www.w3.org/2000/svg";
const NEAR_PX = 28;
const data = JSON.parse(document.getElementById("evidence-data").textContent);

function element(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

class PointPair {
  constructor(section) {
    this.stage = section.querySelector("[data-pair-stage]");
    this.lines = section.querySelector("[data-lines]");
    this.pictures = ["query", "reference"].map((side) => section.querySelector(`[data-${side}-picture]`));
    this.count = section.querySelector("[data-count]");
    this.shown = section.querySelector("[data-count-shown]");
    // Many lines on a small screen hide the pictures; the slider shows the rest.
    if (this.count) this.count.value = String(Math.max(12, Math.round(this.stage.clientWidth / 12)));
    this.groups = data.pairs.map(() => this.group());
    this.frame = data.region ? this.lines.appendChild(element("rect", { rx: 2 })) : null;
    this.count?.addEventListener("input", () => this.draw());
    this.stage.addEventListener("pointermove", (event) => this.point(event));
    this.stage.addEventListener("pointerleave", () => this.highlight(-1));
    new ResizeObserver(() => this.draw()).observe(this.stage);
    for (const picture of this.pictures) picture.addEventListener("load", () => this.draw());
    this.draw();
  }

  group() {
    const group = element("g", {});
    group.append(element("line", { class: "under" }), element("line", {}), element("circle", { r: 3 }), element("circle", { r: 3 }));
    this.lines.append(group);
    return group;
  }

  draw() {
    const origin = this.stage.getBoundingClientRect();
    const boxes = this.pictures.map((picture) => picture.getBoundingClientRect());
    const visible = this.count ? Number(this.count.value) : 0;
    if (this.shown) this.shown.textContent = String(visible);
    this.ends = data.pairs.map((pair) => pair.map(([x, y], side) => [
      boxes[side].left - origin.left + x * boxes[side].width,
      boxes[side].top - origin.top + y * boxes[side].height,
    ]));
    if (this.frame) this.drawRegion(boxes[0], origin);
    this.groups.forEach((group, index) => {
      group.style.display = index >= visible ? "none" : "";
      const [[x1, y1], [x2, y2]] = this.ends[index];
      for (const line of group.querySelectorAll("line")) for (const [key, value] of Object.entries({ x1, y1, x2, y2 })) line.setAttribute(key, value);
      group.querySelectorAll("circle").forEach((circle, side) => {
        circle.setAttribute("cx", this.ends[index][side][0]);
        circle.setAttribute("cy", this.ends[index][side][1]);
      });
    });
  }

  drawRegion(box, origin) {
    const { x, y, width, height } = data.region;
    const sides = { x: box.left - origin.left + x * box.width, y: box.top - origin.top + y * box.height, width: width * box.width, height: height * box.height };
    for (const [key, value] of Object.entries(sides)) this.frame.setAttribute(key, value);
  }

  point(event) {
    const origin = this.stage.getBoundingClientRect();
    const [x, y] = [event.clientX - origin.left, event.clientY - origin.top];
    let best = -1;
    let nearest = NEAR_PX;
    this.ends.forEach((ends, index) => {
      if (this.groups[index].style.display) return;
      for (const [ex, ey] of ends) {
        const distance = Math.hypot(ex - x, ey - y);
        if (distance < nearest) [nearest, best] = [distance, index];
      }
    });
    this.highlight(best);
  }

  highlight(chosen) {
    this.lines.classList.toggle("pair__lines--near", chosen >= 0);
    this.groups.forEach((group, index) => group.classList.toggle("near", index === chosen));
  }
}

class Overlay {
  constructor(section) {
    this.section = section;
    for (const name of ["stage", "top", "edge"]) this[name] = section.querySelector(`[data-overlay-${name}]`);
    this.warped = section.querySelector("[data-warped]");
    this.amount = section.querySelector("[data-amount]");
    this.modes = [...section.querySelectorAll("[name=mode]")];
    for (const input of [this.amount, ...this.modes]) input.addEventListener("input", () => this.draw());
    this.stage.addEventListener("pointerdown", (event) => this.grab(event));
    this.stage.addEventListener("pointermove", (event) => this.stage.hasPointerCapture(event.pointerId) && this.slide(event));
    new ResizeObserver(() => this.warp()).observe(this.stage);
    if (data.region) this.clip(data.region);
    this.draw();
  }

  get mode() {
    return this.modes.find((input) => input.checked).value;
  }

  clip({ x, y, width, height }) {
    const sides = [y, 1 - x - width, 1 - y - height, x].map((part) => `${Math.max(part, 0) * 100}%`);
    this.warped.style.clipPath = `inset(${sides.join(" ")})`;
  }

  warp() {
    const { clientWidth: width, clientHeight: height } = this.stage;
    this.warped.style.transform = matrix3d(data.homography, width, height);
  }

  draw() {
    const amount = Number(this.amount.value);
    const { mode } = this;
    this.top.style.clipPath = mode === "wipe" ? `inset(0 ${100 - amount}% 0 0)` : "";
    this.top.style.opacity = mode === "wipe" ? "" : String(amount / 100);
    this.top.style.mixBlendMode = mode === "difference" ? "difference" : "";
    this.edge.hidden = mode !== "wipe";
    this.edge.style.left = `${amount}%`;
    this.section.querySelector("[data-note=difference]").hidden = mode !== "difference";
    if (mode !== this.lastMode) {
      this.lastMode = mode;
      if (mode === "difference") this.set(100);
      else if (mode === "fade" || amount === 100) this.set(50);
    }
  }

  set(amount) {
    this.amount.value = String(amount);
    this.draw();
  }

  grab(event) {
    if (event.button) return;
    this.stage.setPointerCapture(event.pointerId);
    this.slide(event);
  }

  slide(event) {
    const area = this.stage.getBoundingClientRect();
    this.set(Math.round(((event.clientX - area.left) / area.width) * 100));
  }
}

for (const section of document.querySelectorAll("[data-pair]")) new PointPair(section);
for (const section of document.querySelectorAll("[data-overlay]")) new Overlay(section);
