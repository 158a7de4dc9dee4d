// A plot of what is under way. The browser shows the old picture until the new one is there, so nothing flickers.
const EVERY = 3000; // milliseconds

class LivePlot extends HTMLElement {
  connectedCallback() {
    const image = this.querySelector("img[data-live]");
    if (!image) return;
    const address = image.src;
    this.timer = setInterval(() => {
      if (!document.hidden) image.src = `${address}?at=${Date.now()}`;
    }, EVERY);
  }

  disconnectedCallback() { clearInterval(this.timer); }
}

customElements.define("live-plot", LivePlot);
