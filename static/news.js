// Says once, on whatever page one is, that a training has ended. The server says how; this knows only what was shown.
const AT_FIRST = 1500, WHILE_ACTIVE = 4000, ELSE = 30000; // milliseconds

class TrainingNews extends HTMLElement {
  connectedCallback() {
    this.look = this.look.bind(this);
    this.addEventListener("click", event => event.target.closest("button") && this.replaceChildren());
    document.addEventListener("visibilitychange", this.look);
    this.timer = setTimeout(this.look, AT_FIRST); // the page itself comes first
  }

  disconnectedCallback() {
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.look);
  }

  get told() { return `tagdesk-news-${this.dataset.project}`; }

  async look() {
    clearTimeout(this.timer);
    if (document.hidden && !mayNotify()) return; // the page looks again when somebody does
    const news = await this.fetched();
    if (news) this.tell(news);
    this.timer = setTimeout(this.look, news && "active" in news.dataset ? WHILE_ACTIVE : ELSE);
  }

  async fetched() {
    try {
      const answer = await fetch(this.dataset.address);
      const page = document.createElement("template");
      page.innerHTML = await answer.text();
      return answer.ok ? page.content.querySelector("[data-run]") : null; // a sign-in page has none
    } catch {
      return null; // the server is away; it is asked again
    }
  }

  tell(news) {
    const run = Number(news.dataset.run), before = localStorage.getItem(this.told);
    if (before !== null && run <= Number(before)) return;
    localStorage.setItem(this.told, run);
    if (before === null) return; // what ended before this browser came is no news
    if (document.hidden) new Notification("Tagdesk", { body: news.querySelector("span").textContent.trim(), tag: this.told });
    if (!document.querySelector("#training, #run")) this.replaceChildren(news); // which say it themselves
  }
}

// Asks whether a browser notification may be sent: only where somebody presses it, and only once.
class NotifyMe extends HTMLElement {
  connectedCallback() {
    this.hidden = !("Notification" in window) || Notification.permission !== "default";
    this.addEventListener("click", async () => {
      await Notification.requestPermission();
      this.hidden = true;
    });
  }
}

function mayNotify() { return "Notification" in window && Notification.permission === "granted"; }

customElements.define("training-news", TrainingNews);
customElements.define("notify-me", NotifyMe);
