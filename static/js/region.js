// Marking a part of the query picture: drag with mouse or finger, arrow keys, or number fields (percent).
import { announce } from "./page.js";

const MIN = 2;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const rounded = (value) => Math.round(value * 10) / 10;

class RegionTool {
  constructor(card) {
    this.stage = card.querySelector("[data-region]");
    this.box = card.querySelector("[data-region-box]");
    this.tool = card.querySelector("[data-region-tool]");
    this.fields = Object.fromEntries([...card.querySelectorAll("[data-side]")].map((input) => [input.dataset.side, input]));
    this.tool.addEventListener("toggle", () => this.activate(this.tool.open));
    this.stage.addEventListener("pointerdown", (event) => this.start(event));
    this.stage.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"]) this.stage.addEventListener(end, () => this.end());
    this.box.addEventListener("keydown", (event) => this.key(event));
    for (const input of Object.values(this.fields)) input.addEventListener("input", () => this.typed());
    this.proposed = true; // the first drag draws afresh; only a box of one's own is moved
    this.activate(this.tool.open);
  }

  activate(active) {
    this.stage.classList.toggle("region--active", active);
    if (active && this.value.width >= 100 && this.value.height >= 100) this.value = { x: 20, y: 20, width: 60, height: 60 };
    this.draw();
  }

  get value() {
    return Object.fromEntries(Object.entries(this.fields).map(([side, input]) => [side, Number(input.value) || 0]));
  }

  set value({ x, y, width, height }) {
    const size = { width: clamp(width, MIN, 100), height: clamp(height, MIN, 100) };
    const place = { x: clamp(x, 0, 100 - size.width), y: clamp(y, 0, 100 - size.height) };
    for (const [side, number] of Object.entries({ ...place, ...size })) this.fields[side].value = String(rounded(number));
    this.draw();
  }

  typed() {
    this.proposed = false;
    this.draw();
  }

  draw() {
    const { x, y, width, height } = this.value;
    this.box.hidden = !this.tool.open;
    Object.assign(this.box.style, { left: `${x}%`, top: `${y}%`, width: `${Math.min(width, 100 - x)}%`, height: `${Math.min(height, 100 - y)}%` });
  }

  point(event) {
    const area = this.stage.getBoundingClientRect();
    return {
      x: clamp(((event.clientX - area.left) / area.width) * 100, 0, 100),
      y: clamp(((event.clientY - area.top) / area.height) * 100, 0, 100),
    };
  }

  start(event) {
    if (!this.tool.open || event.button) return;
    event.preventDefault();
    this.stage.setPointerCapture(event.pointerId);
    const from = this.point(event);
    const { x, y, width, height } = this.value;
    const grip = event.target.dataset?.grip;
    if (grip) {
      // The opposite corner stays where it is.
      const anchor = { x: grip.endsWith("w") ? x + width : x, y: grip.startsWith("n") ? y + height : y };
      this.drag = (to) => this.span(anchor, to);
    } else if (event.target === this.box && !this.proposed) {
      this.drag = (to) => { this.value = { x: x + to.x - from.x, y: y + to.y - from.y, width, height }; };
    } else {
      this.drag = (to) => this.span(from, to);
    }
  }

  span(a, b) {
    this.value = { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) };
  }

  move(event) {
    if (this.drag) this.drag(this.point(event));
  }

  end() {
    if (!this.drag) return;
    this.drag = null;
    this.proposed = false;
    const { x, y, width, height } = this.value;
    announce(`${this.stage.dataset.wordsSelected}: ${[x, y, width, height].map((side) => `${Math.round(side)} %`).join(", ")}`);
  }

  key(event) {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (event.key === "Enter") this.tool.querySelector("form").requestSubmit();
    if (!direction) return;
    event.preventDefault();
    this.proposed = false;
    const step = event.ctrlKey || event.metaKey ? 0.5 : 2;
    const [dx, dy] = direction.map((part) => part * step);
    const { x, y, width, height } = this.value;
    this.value = event.shiftKey ? { x, y, width: clamp(width + dx, MIN, 100 - x), height: clamp(height + dy, MIN, 100 - y) } : { x: x + dx, y: y + dy, width, height };
  }
}

function connect() {
  const card = document.getElementById("query-card");
  if (!card || card.dataset.connected) return;
  card.dataset.connected = "true";
  if (card.querySelector("[data-region-tool]")) new RegionTool(card);
  const share = card.querySelector("[data-copy-link]");
  share?.addEventListener("click", async () => {
    await navigator.clipboard.writeText(window.location.href);
    share.querySelector("span").textContent = share.dataset.wordsDone;
    announce(share.dataset.wordsDone);
  });
}

connect();
// A finished search brings the card again, with what is known about the picture by then.
document.body.addEventListener("htmx:oobAfterSwap", connect);
document.body.addEventListener("htmx:afterSettle", connect);
