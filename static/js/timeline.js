// Two lanes, the query's time above and the reference's below, with the matched ranges of both joined.
import { announce } from "./page.js";
import { Lane, clock } from "./lane.js";
import { makePlayer } from "./player.js";

const SVG = "http://www.w3.org/2000/svg";
const TONES = 6;
const MAX_DRIFT = 0.3;
const SIDES = ["query", "reference"];

class Timeline {
  constructor(root, data) {
    Object.assign(this, { root, data, words: root.dataset, chosen: data.chosen, playing: false });
    const spans = { query: data.segments.map((s) => (s.q0 === null ? null : [s.q0, s.q1])), reference: data.segments.map((s) => [s.r0, s.r1]) };
    this.spans = spans;
    this.lanes = Object.fromEntries(SIDES.map((side) => [side, new Lane(root.querySelector(`[data-lane=${side}]`), data[side], spans[side])]));
    this.players = {};
    for (const side of SIDES) this.attach(side, makePlayer(root.querySelector(`[data-player=${side}]`), data[side], this.words));
    this.bands = root.querySelector("[data-bands]");
    this.ranges = data.segments.map((segment, index) => this.addRange(segment, index));
    this.polygons = data.segments.map((_, index) => this.addBand(index));
    if (data.query.still) this.lanes.query.pictures.firstElementChild?.addEventListener("load", () => this.draw());
    this.listen();
    this.choose(this.chosen);
    this.cue();
  }

  attach(side, player) {
    this.players[side] = player;
    player.onTime = () => this.passed(side);
    player.onBroken = (substitute) => {
      this.attach(side, substitute);
      this.cue();
    };
    this.lanes[side].onSeek = (time) => player.seek(time);
  }

  addRange(segment, index) {
    const tone = `range tone-${index % TONES}`;
    const below = Object.assign(document.createElement("button"), { type: "button", className: tone });
    below.setAttribute("aria-label", this.rangeWords(segment, index));
    this.lanes.reference.strip.append(below);
    below.addEventListener("click", () => this.playFrom(index));
    below.addEventListener("keydown", (event) => this.key(event));
    const above = Object.assign(document.createElement("div"), { className: tone });
    above.addEventListener("click", () => this.playFrom(index));
    if (this.spans.query[index]) this.lanes.query.strip.append(above);
    return { above, below };
  }

  rangeWords({ q0, q1, r0, r1 }, index) {
    const template = q0 === null ? this.words.wordsMoment : this.words.wordsSegment;
    const span = (start, end) => `${clock(start, 0.1)}–${clock(end, 0.1)}`;
    const values = { number: index + 1, query: q0 === null ? "" : span(q0, q1), reference: span(r0, r1) };
    return template.replace(/%\((\w+)\)s/g, (_, name) => String(values[name]));
  }

  addBand(index) {
    const polygon = document.createElementNS(SVG, "polygon");
    polygon.setAttribute("class", `band tone-${index % TONES}`);
    polygon.addEventListener("click", () => this.playFrom(index));
    this.bands.append(polygon);
    return polygon;
  }

  listen() {
    new ResizeObserver(() => this.draw()).observe(this.root);
    for (const input of this.root.querySelectorAll("[name=zoom]")) input.addEventListener("input", () => this.zoom());
    for (const button of this.root.querySelectorAll("[data-step]")) button.addEventListener("click", () => this.step(Number(button.dataset.step)));
    for (const button of document.querySelectorAll("[data-play]")) {
      button.addEventListener("click", () => {
        this.playFrom(Number(button.dataset.play));
        this.root.scrollIntoView({ block: "nearest" });
      });
    }
    this.toggle = this.root.querySelector("[data-toggle]");
    this.toggle.addEventListener("click", () => (this.playing ? this.pause() : this.resume()));
  }

  get segment() {
    return this.data.segments[this.chosen];
  }

  key(event) {
    const last = this.data.segments.length - 1;
    const target = { ArrowLeft: this.chosen - 1, ArrowUp: this.chosen - 1, ArrowRight: this.chosen + 1, ArrowDown: this.chosen + 1, Home: 0, End: last }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    this.step(Math.min(Math.max(target, 0), last) - this.chosen);
    this.ranges[this.chosen].below.focus();
  }

  step(by) {
    const count = this.data.segments.length;
    this.pause();
    this.choose((this.chosen + by + count) % count);
    this.cue();
  }

  choose(index) {
    this.chosen = index;
    this.ranges.forEach(({ above, below }, number) => {
      for (const range of [above, below]) range.classList.toggle("range--chosen", number === index);
      below.tabIndex = number === index ? 0 : -1;
    });
    this.polygons.forEach((polygon, number) => polygon.classList.toggle("band--chosen", number === index));
    for (const row of document.querySelectorAll("[data-row]")) row.classList.toggle("chosen", Number(row.dataset.row) === index);
    this.root.querySelector("[data-chosen]").textContent = `${index + 1} / ${this.data.segments.length}`;
    this.zoom();
  }

  zoom() {
    const close = this.root.querySelector("[name=zoom]:checked").value === "match";
    for (const side of SIDES) {
      const span = this.spans[side][this.chosen];
      const lane = this.lanes[side];
      if (!close || !span) lane.show(0, this.data[side].duration);
      else {
        const margin = Math.max(1, (span[1] - span[0]) * 0.25);
        lane.show(span[0] - margin, span[1] + margin);
      }
    }
    this.draw();
  }

  draw() {
    for (const side of SIDES) {
      this.lanes[side].draw();
      this.lanes[side].moveHead(this.players[side].time);
    }
    this.data.segments.forEach((segment, index) => {
      const { above, below } = this.ranges[index];
      this.lanes.reference.stretch(below, segment.r0, segment.r1);
      if (segment.q0 !== null) this.lanes.query.stretch(above, segment.q0, segment.q1);
      this.drawBand(segment, index);
    });
  }

  drawBand(segment, index) {
    const { clientWidth: width, clientHeight: height } = this.bands;
    this.bands.setAttribute("viewBox", `0 0 ${width || 1} ${height || 1}`);
    const ends = (lane, start, end) => [start, end].map((time) => Math.min(Math.max(lane.place(time), 0), 1) * width);
    const below = ends(this.lanes.reference, segment.r0, segment.r1);
    const above = segment.q0 === null ? this.stillEnds() : ends(this.lanes.query, segment.q0, segment.q1);
    const hidden = this.ranges[index].below.hidden || (segment.q0 !== null && this.ranges[index].above.hidden);
    this.polygons[index].style.display = hidden ? "none" : "";
    const wide = ([left, right]) => [left, Math.max(right, left + 3)];
    const [[a, b], [c, d]] = [wide(above), wide(below)];
    this.polygons[index].setAttribute("points", `${a},0 ${b},0 ${d},${height} ${c},${height}`);
  }

  // A still picture has no time: its bands start from the picture itself.
  stillEnds() {
    const lane = this.lanes.query.strip.getBoundingClientRect();
    const picture = this.lanes.query.pictures.firstElementChild.getBoundingClientRect();
    return [picture.left - lane.left, picture.right - lane.left];
  }

  cue() {
    this.players.query.seek(this.segment.q0 ?? 0);
    this.players.reference.seek(this.segment.r0);
    for (const side of SIDES) this.passed(side);
  }

  playFrom(index) {
    this.choose(index);
    this.cue();
    this.resume();
  }

  resume() {
    const { r1 } = this.segment;
    if (this.players.reference.time >= r1 - 0.05) this.cue();
    this.setPlaying(true);
    this.players.query.play(1);
    this.players.reference.play(this.players.query.still ? 1 : this.segment.speed);
    announce(this.words.wordsPlaying.replace("%(number)s", String(this.chosen + 1)));
  }

  pause() {
    this.setPlaying(false);
    for (const side of SIDES) this.players[side].pause();
  }

  setPlaying(playing) {
    this.playing = playing;
    this.toggle.classList.toggle("playing", playing);
    this.toggle.querySelector("[data-toggle-words]").textContent = playing ? this.toggle.dataset.wordsPause : this.toggle.dataset.wordsPlay;
  }

  passed(side) {
    const player = this.players[side];
    if (!player) return;
    this.lanes[side].moveHead(player.time);
    if (!player.still) this.root.querySelector(`[data-player=${side}] [data-time]`).textContent = clock(player.time, 0.1);
    if (!this.playing || side !== "reference") return;
    if (player.time >= this.segment.r1) this.pause();
    else this.keepTogether();
  }

  keepTogether() {
    const { query, reference } = this.players;
    if (query.still || query.paused || reference.paused) return;
    const expected = this.segment.q0 + (reference.time - this.segment.r0) / this.segment.speed;
    if (Math.abs(query.time - expected) > MAX_DRIFT && expected < this.data.query.duration) query.seek(expected);
  }
}

const root = document.querySelector("[data-timeline]");
const data = JSON.parse(document.getElementById("timeline-data").textContent);
if (root && data.segments.length) new Timeline(root, data);
