// The whole seconds of a run, beside the status that says that it runs. They stand outside of the status, which a screen
// reader would announce each second.
export class Clock {
  constructor(status) {
    this.shown = document.createElement("span");
    this.shown.className = "live-clock";
    this.shown.setAttribute("aria-hidden", "true");
    status.after(" ", this.shown);
  }

  // Nothing is seen of a run of less than a second; `first` is called when the first second has passed.
  start(first) {
    this.stop();
    const from = performance.now();
    this.timer = setInterval(() => {
      if (!this.shown.textContent) first?.();
      this.shown.textContent = `${Math.round((performance.now() - from) / 1000)} s`;
    }, 1000);
  }

  stop() {
    clearInterval(this.timer);
    this.shown.textContent = "";
  }
}
