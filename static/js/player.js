// Things with a time axis that the timeline can play: a video, a run of keyframes, or a still picture.
// All share: time, paused, seek(t), play(rate), pause(), and call onTime as time passes.

export function makePlayer(figure, lane, words) {
  if (lane.still) return new StillPlayer();
  const playable = lane.src && document.createElement("video").canPlayType(lane.mime) !== "";
  return playable ? new VideoPlayer(figure, lane, words) : new KeyframePlayer(figure, lane, words);
}

class StillPlayer {
  time = 0;
  paused = true;
  still = true;
  seek() {}
  play() {}
  pause() {}
}

class VideoPlayer {
  constructor(figure, lane, words) {
    this.video = document.createElement("video");
    Object.assign(this.video, { src: lane.src, controls: true, playsInline: true, preload: "metadata", muted: figure.dataset.player === "query" });
    figure.querySelector("[data-screen]").append(this.video);
    for (const event of ["timeupdate", "seeking", "seeked", "play", "pause"]) this.video.addEventListener(event, () => this.onTime?.());
    // A type the browser claims to know may still hold a codec it does not.
    this.video.addEventListener("error", () => {
      this.video.remove();
      this.onBroken?.(new KeyframePlayer(figure, lane, words));
    }, { once: true });
  }

  get time() { return this.video.currentTime; }
  get paused() { return this.video.paused; }
  seek(time) { this.video.currentTime = time; }
  pause() { this.video.pause(); }

  play(rate) {
    this.video.playbackRate = Math.min(Math.max(rate, 0.25), 4);
    this.video.play().catch(() => this.onTime?.()); // interrupted by a pause, or refused by the browser
  }
}

class KeyframePlayer {
  constructor(figure, lane, words) {
    Object.assign(this, { lane, time: 0, paused: true });
    const screen = figure.querySelector("[data-screen]");
    this.picture = new Image();
    this.picture.alt = "";
    screen.append(this.picture, this.button(-1, words.wordsPrevious), this.button(1, words.wordsNext));
    const note = document.createElement("p");
    note.className = "player__note";
    note.textContent = words.wordsUnplayable;
    figure.append(note);
    this.show();
  }

  button(direction, label) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = `player__step player__step--${direction < 0 ? "previous" : "next"}`;
    button.setAttribute("aria-label", label);
    button.textContent = direction < 0 ? "‹" : "›";
    button.addEventListener("click", () => this.step(direction));
    return button;
  }

  get index() {
    const found = this.lane.frames.findLastIndex(([, start]) => start <= this.time + 1e-3);
    return Math.max(found, 0);
  }

  show() {
    const frame = this.lane.frames[this.index];
    if (!frame) return;
    const source = `${this.lane.pictures}${frame[0]}.webp`;
    if (this.picture.getAttribute("src") !== source) this.picture.src = source;
    this.onTime?.();
  }

  step(direction) {
    this.pause();
    const next = this.lane.frames[this.index + direction];
    if (next) this.seek(next[1]);
  }

  seek(time) {
    this.time = Math.min(Math.max(time, 0), this.lane.duration);
    this.show();
  }

  play(rate) {
    this.pause();
    this.paused = false;
    let last = performance.now();
    const tick = (now) => {
      if (this.paused) return;
      this.time += ((now - last) / 1000) * rate;
      last = now;
      if (this.time >= this.lane.duration) this.pause();
      this.show();
      this.request = requestAnimationFrame(tick);
    };
    this.request = requestAnimationFrame(tick);
  }

  pause() {
    this.paused = true;
    cancelAnimationFrame(this.request);
  }
}
