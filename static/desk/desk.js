// The article page's hands: reads the server's HTML, fills the one edit form, submits it. It knows tokens by their
// order alone and keeps nothing that the server does not have, but for the cursor and the edits not yet acknowledged.
import { Aids } from "./aids.js";
import { Cursor, Keys } from "./keyboard.js";
import { Mouse } from "./mouse.js";
import { Queue } from "./queue.js";

const SETTLED = 600; // milliseconds in which nobody can have read what was just opened, or what somebody else changed

class TagDesk extends HTMLElement {
  connectedCallback() {
    this.queue = new Queue(this);
    this.aids = new Aids(this);
    this.keys = new Keys(this);
    this.label = sessionStorage.getItem(this.memory) || "";
    document.addEventListener("keydown", (this.onKey = (event) => this.keys.press(event)));
    window.addEventListener("beforeunload", (this.onLeave = (event) => (this.queue.length || this.aids.draft) && event.preventDefault()));
    this.addEventListener("click", (event) => this.stay(event), { capture: true });
    this.addEventListener("click", (event) => this.click(event));
    this.addEventListener("htmx:afterSwap", () => this.fresh());
    this.addEventListener("htmx:beforeSwap", ({ detail }) => this.beforeSwap(detail));
    // The form itself may be gone by its answer: where the whole desk came into its place.
    this.addEventListener("htmx:afterRequest", ({ detail }) => detail.pathInfo.requestPath.endsWith("/edit") && this.answered(detail.xhr.status));
    this.fresh();
    this.text.focus({ preventScroll: true });
  }

  disconnectedCallback() {
    this.mouse.forget();
    document.removeEventListener("keydown", this.onKey);
    window.removeEventListener("beforeunload", this.onLeave);
  }

  get memory() { return `tagdesk-label-${this.dataset.project}`; }
  get text() { return this.querySelector("#text"); }
  get form() { return this.querySelector("form.edit"); }
  get busy() { return this.getAttribute("aria-busy") === "true"; }
  get editable() { return Boolean(this.querySelector("[data-verb]")); }

  // What is on the page now: after the first load, and where another article, or all of this one, came into its place.
  fresh() {
    if (this.cursor?.text === this.text) return;
    const [before, article] = [this.cursor, this.form.getAttribute("hx-post")];
    this.cursor = new Cursor(this.text);
    this.mouse?.forget();
    this.mouse = new Mouse(this, this.cursor);
    this.cursor.byKey = before?.byKey ?? false;
    this.aids.recall();
    if (article !== this.article) {
      const named = this.article ? null : /^#t(\d+)$/.exec(location.hash); // the address names a word: `#t12`
      if (this.article) {
        scrollTo({ top: 0 });
        [this.cameForward, this.way] = [this.way !== "[data-previous]", null];
      }
      this.article = article;
      this.opened = performance.now();
      this.cursor.at = this.cursor.byKey ? 0 : null;
      if (named) this.cursor.to(Number(named[1]));
    } else this.cursor.hold(before.at, before.anchor);
    if (document.activeElement === document.body) this.text.focus({ preventScroll: true });
    this.aids.showSure();
    this.show();
  }

  // ---- sending
  send(verb, start = "", end = "", label = "", more = {}) {
    if (this.busy) return; // the next article is on its way
    if (verb === "finish") this.setAttribute("aria-busy", "true");
    this.queue.add({ verb, start, end, label, ...more });
  }

  answered(status) {
    if (!this.queue.answered(status, this.querySelector(".warned") !== null)) return;
    if (status === 409) this.opened = performance.now();
    this.removeAttribute("aria-busy");
    this.cursor.refresh();
    const jump = this.querySelector("#said").dataset.jump;
    if (jump) this.cursor.to(Number(jump));
    for (const token of this.text.querySelectorAll(".doing")) {
      token.className = token.className.replace(/ ?doing c\d+/, "");
      for (const kept of ["label", "doing"]) delete token.dataset[kept];
    }
    for (const mark of this.text.querySelectorAll(".pending")) mark.classList.remove("pending");
    for (const edit of this.queue.edits) this.draw(edit);
    this.aids.showSure();
    if (document.activeElement === document.body) this.text.focus({ preventScroll: true });
    this.show();
    this.queue.submit();
    const leaving = this.queue.length ? null : this.leaving;
    if (!this.queue.length) this.leaving = null;
    if (status < 400) leaving?.();
  }

  // Another article comes into the place of this one: what was done here is stored first.
  leave(go) {
    if (this.aids.draft) this.keepDraft();
    else if (this.queue.length) this.leaving = go;
    else go();
  }

  // An edit under way has its form on the page until it is answered: what would take the whole desk's place waits for
  // that. A poll asks again; the next article is asked for anew.
  beforeSwap(detail) {
    const path = detail.pathInfo.requestPath;
    if (path.endsWith("/edit") || detail.target.id !== "desk" || !this.queue.length) return;
    detail.shouldSwap = false;
    if (path.includes("/next")) this.leave(() => this.querySelector(this.way)?.click());
  }

  stay(event) {
    const link = event.target.closest("[data-skip], [data-next], [data-previous]");
    if (!link) return;
    this.way = ["[data-previous]", "[data-next]", "[data-skip]"].find((way) => link.matches(way));
    if (!(this.queue.length || this.aids.draft)) return;
    event.preventDefault();
    event.stopPropagation();
    this.leave(() => this.querySelector(this.way)?.click());
  }

  // To the article before: the one just left, which may have left the list; else along the list, or as the browser's Back.
  back() {
    const previous = this.querySelector("[data-previous]");
    if (previous && !this.cameForward) previous.click();
    else this.leave(() => history.back());
  }

  keepDraft() {
    this.status("draft");
    this.querySelector("#note-text").focus();
  }

  // What was asked for shows at once, as not yet saved; suggestions whose verdict is on its way are not offered again.
  draw({ verb, start, end, label }) {
    if (start === "") return;
    const color = [...(this.chip(label)?.classList ?? [])].find((name) => /^c\d+$/.test(name));
    const tokens = verb === "tag" && color ? this.cursor.tokens.slice(start, end) : [];
    for (const token of tokens) {
      token.classList.add("doing", color);
      token.dataset.doing = `${start} ${end}`;
    }
    if (tokens.length) {
      tokens[0].dataset.label = label;
      this.querySelector("[data-none]")?.replaceChildren("Finish");
    }
    const touched = [...this.text.querySelectorAll("mark")].filter((mark) => Number(mark.dataset.s) < end && start < Number(mark.dataset.e));
    for (const mark of touched) mark.classList.add("pending");
  }

  status(now) {
    for (const line of this.querySelectorAll("[data-status]")) line.hidden = line.dataset.status !== now;
  }

  // ---- showing where one is
  show() {
    const cursor = this.cursor;
    cursor.show();
    for (const chip of this.chips) chip.setAttribute("aria-pressed", chip.dataset.label === this.label);
    const mark = cursor.mark;
    const kind = this.kind;
    const words = kind && this.spoken(kind, mark, cursor.range);
    for (const hand of this.querySelectorAll("[data-hand]")) {
      hand.hidden = hand.dataset.hand !== kind;
      if (kind && !hand.hidden) hand.querySelector("[data-hand-text]").textContent = words;
    }
    const one = cursor.range && cursor.range[1] - cursor.range[0] === 1;
    for (const button of this.querySelectorAll('[data-aid="split"]')) button.hidden = !one;
    this.querySelector("#split")?.replaceChildren();
    const everywhere = this.querySelector("[data-everywhere]");
    if (everywhere && kind === "span") {
      everywhere.elements.text.value = cursor.words(Number(mark.dataset.s), Number(mark.dataset.e));
      everywhere.elements.label.value = mark.dataset.label;
    }
    const here = cursor.at === null || !cursor.byKey ? "" : cursor.tokens[cursor.at].textContent;
    this.querySelector("[data-spoken]").textContent = here && (words || here);
  }

  // What is in hand: a selection, a suggestion, a span, a passage left out, one word.
  get kind() {
    const { anchor, mark, at, byKey } = this.cursor;
    if (anchor !== null) return "selection";
    if (mark) return mark.classList.contains("suggestion") ? "suggestion" : "span";
    if (at !== null && this.cursor.tokens[at].classList.contains("out")) return "out";
    return at !== null && byKey ? "word" : "";
  }

  spoken(kind, mark, range) {
    if (kind === "out") return `left out: “${this.cursor.words(...range)}”`;
    if (kind === "selection" || kind === "word") return `“${this.cursor.words(...range)}”`;
    const text = this.cursor.words(Number(mark.dataset.s), Number(mark.dataset.e));
    const sure = kind === "suggestion" && mark.dataset.p ? ` ${mark.dataset.p} %` : "";
    return `${mark.dataset.label}${sure} “${text}”`;
  }

  // ---- verbs
  get chips() { return [...this.querySelectorAll(".chip[data-label]")]; }

  chip(label) { return this.chips.find((chip) => chip.dataset.label === label); }

  choose(label) {
    const { mark, anchor, range, byKey } = this.cursor;
    this.label = label;
    sessionStorage.setItem(this.memory, label);
    if (anchor !== null) this.tag(...range);
    else if (mark) this.tag(Number(mark.dataset.s), Number(mark.dataset.e), label, mark.classList.contains("suggestion"));
    else if (byKey && range) this.tag(...range);
    this.show();
  }

  tag(start, end, label = this.label, judged = false) {
    this.cursor.at = this.cursor.byKey ? end - 1 : null;
    this.cursor.clear();
    this.draw({ verb: "tag", start, end, label });
    this.send("tag", start, end, label);
    if (judged) this.goOn();
    this.show();
  }

  judge(verb) {
    const mark = this.cursor.mark;
    if (!mark?.matches(".suggestion:not(.pending)")) return this.goOn();
    for (const piece of this.cursor.pieces(mark)) piece.classList.add("pending");
    this.send(verb, mark.dataset.s, mark.dataset.e, mark.dataset.label);
    return this.goOn();
  }

  // To the next suggestion that is still open, without waiting for the server.
  goOn() {
    this.cursor.toMark(1, "mark.suggestion:not(.pending):not(.below)", true);
    this.show();
  }

  remove() {
    const { mark, anchor, range } = this.cursor;
    if (anchor === null && mark?.classList.contains("suggestion")) return this.judge("reject");
    const words = anchor !== null ? range : mark ? [mark.dataset.s, mark.dataset.e] : this.cursor.doing;
    if (words) {
      this.draw({ verb: "clear", start: Number(words[0]), end: Number(words[1]) });
      this.send("clear", ...words);
    }
    this.cursor.clear();
    this.show();
  }

  act(verb, event, given) {
    if (verb === "accept" || verb === "reject") this.judge(verb);
    else if (verb === "clear") this.remove();
    else if (verb === "finish" && this.aids.draft) this.keepDraft();
    else if (verb === "finish") this.send("finish", "", "", "", { go_on: event.shiftKey ? "" : "on" });
    else if (verb === "offer_like") this.offerLike();
    else if (verb === "accept_all") this.send("accept_all", "", "", "", { at_least: this.aids.sure / 100 });
    else if (verb === "leave_out" || verb === "take_in") this.passage(verb);
    else this.send(verb, given.start, "", "", given);
  }

  passage(verb) {
    if (!this.cursor.range) return;
    this.send(verb, ...this.cursor.range);
    this.cursor.clear();
    this.show();
  }

  // The same words elsewhere in the article, as soft marks.
  offerLike() {
    const mark = this.cursor.mark;
    const words = mark?.matches(".span") ? [mark.dataset.s, mark.dataset.e] : this.cursor.doing;
    if (!words) return;
    const chosen = [...this.querySelectorAll("[data-option]:checked")].map((option) => [option.dataset.option, "on"]);
    this.send("offer_like", ...words, "", Object.fromEntries(chosen));
  }

  finish(event) {
    if (document.activeElement !== this.text || performance.now() - this.opened < SETTLED) return;
    const next = this.querySelector("[data-next]");
    if (next) next.click();
    else this.act("finish", event, {});
  }

  // ---- what the mouse did
  selected(range, byTouch = false) {
    this.cursor.byKey = false;
    [this.cursor.anchor, this.cursor.at] = [range[0], range[1] - 1];
    // A finger chooses its label after: what it touched may be no more than where it scrolled.
    if (this.label && this.editable && !byTouch) this.tag(...range);
    else this.show();
  }

  picked(index) {
    this.cursor.byKey = false;
    [this.cursor.at, this.cursor.anchor] = [index, null];
    if (!this.cursor.mark && !this.cursor.tokens[index]?.classList.contains("out")) this.cursor.at = null;
    this.show();
  }

  moved(mark, range) {
    this.cursor.byKey = false;
    this.tag(...range, mark.dataset.label);
  }

  click(event) {
    const chip = event.target.closest(".chip");
    const button = event.target.closest("[data-verb]");
    if (event.target.closest("[data-back]")) this.back();
    if (chip && chip.dataset.label === this.label && this.cursor.anchor === null && !this.cursor.mark) {
      this.label = "";
      sessionStorage.removeItem(this.memory);
      this.show();
    } else if (chip) this.choose(chip.dataset.label);
    else if (button) this.act(button.dataset.verb, event, { ...button.dataset });
    if (chip || button) this.text.focus({ preventScroll: true });
  }
}

customElements.define("tag-desk", TagDesk);
