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
    const ended = news.dataset.ended, before = localStorage.getItem(this.told);
    if (ended === before) return;
    localStorage.setItem(this.told, ended);
    const said = news.querySelector("span");
    if (before === null || !said) return; // what ended before this browser came is no news
    if (!document.querySelector(`[data-shows="${news.dataset.run}"]`)) this.replaceChildren(news);
    if (document.hidden) notify(said.textContent.trim(), this.told);
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

function notify(body, tag) {
  try {
    new Notification("Tagdesk", { body, tag });
  } catch {
    // Some phones let only a service worker notify; the note on the page says it.
  }
}

function mayNotify() { return "Notification" in window && Notification.permission === "granted"; }

customElements.define("training-news", TrainingNews);
customElements.define("notify-me", NotifyMe);
