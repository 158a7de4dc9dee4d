// The article page's hands: reads the server's HTML, fills the one edit form, submits it. It knows tokens by their
// order alone and keeps nothing that the server does not have, but for the cursor and the edits not yet acknowledged.
class TagDesk extends HTMLElement {
  connectedCallback() {
    this.waiting = [];
    this.label = sessionStorage.getItem(this.memory) || "";
    this.cursor = null;
    this.anchor = null;
    this.keyboard = false;
    document.addEventListener("keydown", (this.onKey = (event) => this.key(event)));
    window.addEventListener("beforeunload", (this.onLeave = (event) => this.waiting.length && event.preventDefault()));
    this.addEventListener("pointerup", (event) => this.pointer(event));
    this.addEventListener("click", (event) => this.click(event));
    this.addEventListener("dblclick", (event) => this.doubleClick(event));
    this.addEventListener("htmx:afterSwap", () => this.fresh());
    this.addEventListener("htmx:afterRequest", ({ detail }) => detail.requestConfig.verb === "post" && this.answered(detail.xhr.status));
    this.fresh();
    this.text.focus({ preventScroll: true });
  }

  disconnectedCallback() {
    document.removeEventListener("keydown", this.onKey);
    window.removeEventListener("beforeunload", this.onLeave);
  }

  get memory() { return `tagdesk-label-${this.dataset.project}`; }
  get text() { return this.querySelector("#text"); }
  get form() { return this.querySelector("form.edit"); }
  get busy() { return this.getAttribute("aria-busy") === "true"; }
  get mark() { return this.cursor === null ? null : this.tokens[this.cursor]?.closest("mark"); }

  // What is on the page now, after the first load and after each answer.
  fresh() {
    this.tokens = [...this.text.querySelectorAll("i")];
    const article = this.form.getAttribute("hx-post");
    if (article !== this.article) {
      if (this.article) scrollTo({ top: 0 });
      this.article = article;
      this.opened = performance.now();
      this.cursor = this.keyboard ? 0 : null;
      this.anchor = null;
    }
    if (this.text.dataset.jump) this.moveTo(Number(this.text.dataset.jump));
    if (!document.activeElement || document.activeElement === document.body) this.text.focus({ preventScroll: true });
    this.show();
  }

  // ---- sending: one edit at a time, in order, each repeated under its own id until the server has answered.
  send(verb, start = "", end = "", label = "", goOn = false) {
    if (this.busy) return; // the next article is on its way
    if (verb === "finish") this.setAttribute("aria-busy", "true");
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0"));
    this.waiting.push({ client_id: id.join(""), verb, start, end, label, go_on: goOn ? "on" : "" });
    if (this.waiting.length === 1) this.submit();
  }

  submit() {
    const edit = this.waiting[0];
    if (!edit) return;
    if (!this.pause) this.status("saving");
    // Signing in again changes the token that the page was made with.
    const token = document.cookie.match(/(?:^|; )tagdesk_csrf=([^;]+)/);
    if (token) this.form.elements.csrfmiddlewaretoken.value = token[1];
    for (const name of ["client_id", "verb", "start", "end", "label", "go_on"]) this.form.elements[name].value = edit[name];
    this.form.requestSubmit();
  }

  // Only an answer takes an edit off the queue. Without one it is sent again; signed out, it waits for the sign-in.
  answered(status) {
    if (status === 0 || status >= 500 || status === 401 || status === 403) {
      this.status(status === 401 || status === 403 ? "refused" : "unsaved");
      this.pause = Math.min((this.pause || 1000) * 2, 15000);
      setTimeout(() => this.submit(), this.pause);
      return;
    }
    this.pause = 0;
    this.removeAttribute("aria-busy");
    const applied = status < 400 && !this.querySelector(".warned");
    // What was done after a refused edit was done on a page that is not so: nothing of it is sent unseen.
    this.waiting = applied ? this.waiting.slice(1) : [];
    this.status(applied ? "saved" : status < 400 || status === 409 ? "unapplied" : "gone");
    this.judged();
    this.submit();
  }

  // Suggestions whose verdict is on its way are not offered again.
  judged() {
    for (const { start, end } of this.waiting) {
      this.text.querySelector(`mark.suggestion[data-s="${start || 0}"][data-e="${end || 0}"]`)?.classList.add("pending");
    }
  }

  status(now) {
    for (const line of this.querySelectorAll("[data-status]")) line.hidden = line.dataset.status !== now;
  }

  // ---- the cursor and the selection, in token indices
  range() {
    if (this.cursor === null) return null;
    const other = this.anchor === null ? this.cursor : this.anchor;
    return [Math.min(this.cursor, other), Math.max(this.cursor, other) + 1];
  }

  moveTo(index, extend = false) {
    if (!this.tokens.length) return;
    const from = this.cursor;
    this.keyboard = true;
    this.cursor = Math.max(0, Math.min(index, this.tokens.length - 1));
    this.anchor = extend ? (this.anchor === null ? from : this.anchor) : null;
    this.show();
    this.tokens[this.cursor].scrollIntoView({ block: "nearest" });
  }

  // The next (or previous) span or suggestion from the cursor on; `here` counts the one under it.
  step(direction, selector = "mark", here = false) {
    const marks = [...this.text.querySelectorAll(selector)];
    const at = this.cursor === null ? (direction > 0 ? -1 : this.tokens.length) : this.cursor;
    const beyond = (mark) => (direction > 0 ? Number(mark.dataset.s) > at || (here && Number(mark.dataset.e) > at) : Number(mark.dataset.s) < at && Number(mark.dataset.e) <= at);
    const ahead = direction > 0 ? marks.filter(beyond) : marks.filter(beyond).reverse();
    const chosen = ahead[0] || (direction > 0 ? marks[0] : marks[marks.length - 1]);
    if (chosen) this.moveTo(Number(chosen.dataset.s));
    return Boolean(chosen);
  }

  // Up and down: the token nearest below or above on the screen.
  line(direction, extend) {
    if (this.cursor === null) return this.moveTo(0);
    const here = this.tokens[this.cursor].getBoundingClientRect();
    let best = null, bestCost = Infinity;
    for (let i = this.cursor + direction; i >= 0 && i < this.tokens.length; i += direction) {
      const box = this.tokens[i].getBoundingClientRect();
      const down = (box.top - here.top) * direction;
      if (down < here.height / 2) continue;
      if (best !== null && down > here.height * 2.5 + Math.abs(this.tokens[best].getBoundingClientRect().top - here.top)) break;
      const cost = down * 20 + Math.abs(box.left - here.left);
      if (cost < bestCost) [best, bestCost] = [i, cost];
    }
    if (best !== null) this.moveTo(best, extend);
  }

  show() {
    for (const old of this.text.querySelectorAll(".at, .sel, .held")) old.classList.remove("at", "sel", "held");
    const mark = this.mark;
    const range = this.range();
    if (range && this.keyboard) this.tokens[this.cursor].classList.add("at");
    if (range && this.anchor !== null) for (let i = range[0]; i < range[1]; i++) this.tokens[i].classList.add("sel");
    if (mark && this.anchor === null) mark.classList.add("held");
    for (const chip of this.querySelectorAll(".chip")) chip.setAttribute("aria-pressed", chip.dataset.label === this.label);
    const kind = this.anchor !== null ? "selection" : !mark ? "" : mark.classList.contains("suggestion") ? "suggestion" : "span";
    for (const hand of this.querySelectorAll("[data-hand]")) {
      hand.hidden = hand.dataset.hand !== kind;
      if (kind && !hand.hidden) hand.querySelector("[data-hand-text]").textContent = this.spoken(kind, mark, range);
    }
    this.say(kind, mark, range);
  }

  // What the cursor stands on, for those who hear the page.
  say(kind, mark, range) {
    const words = this.cursor === null || !this.keyboard ? "" : this.tokens[this.cursor].textContent;
    this.querySelector("[data-spoken]").textContent = words && (kind ? this.spoken(kind, mark, range) : words);
  }

  spoken(kind, mark, range) {
    const words = kind === "selection" ? this.tokens.slice(...range) : [...mark.querySelectorAll("i")];
    const text = words.map((word) => word.textContent).join(" ");
    if (kind === "selection") return `“${text}”`;
    const sure = kind === "suggestion" && mark.dataset.p ? ` ${mark.dataset.p} %` : "";
    return `${mark.dataset.label}${sure} “${text}”`;
  }

  clear() {
    this.anchor = null;
    this.cursor = this.keyboard ? this.cursor : null;
    getSelection().removeAllRanges();
    this.show();
  }

  // ---- verbs
  choose(label) {
    this.label = label;
    sessionStorage.setItem(this.memory, label);
    const mark = this.mark;
    if (this.anchor !== null) this.tag(...this.range());
    else if (mark) this.tag(Number(mark.dataset.s), Number(mark.dataset.e), mark.classList.contains("suggestion"));
    else if (this.keyboard && this.cursor !== null) this.tag(...this.range());
    this.show();
  }

  tag(start, end, judged = false) {
    this.cursor = this.keyboard ? end - 1 : null;
    this.clear();
    this.send("tag", start, end, this.label);
    if (judged) this.goOn();
  }

  judge(verb) {
    const mark = this.mark;
    if (!mark?.matches(".suggestion:not(.pending)")) return this.goOn();
    this.send(verb, mark.dataset.s, mark.dataset.e, mark.dataset.label);
    return this.goOn();
  }

  // To the next suggestion that is still open, without waiting for the server.
  goOn() {
    this.judged();
    return this.step(1, "mark.suggestion:not(.pending)", true);
  }

  remove() {
    const mark = this.mark;
    if (mark?.classList.contains("suggestion")) return this.judge("reject");
    const range = this.anchor !== null ? this.range() : mark && [mark.dataset.s, mark.dataset.e];
    if (range) this.send("clear", ...range);
    this.clear();
  }

  act(verb, event) {
    if (verb === "accept" || verb === "reject") this.judge(verb);
    else if (verb === "clear") this.remove();
    else if (verb === "finish") this.send("finish", "", "", "", !event.shiftKey);
    else this.send(verb);
  }

  // ---- the mouse
  pointer(event) {
    if (!event.target.closest("#text") || this.busy) return;
    const selection = getSelection();
    const found = selection.isCollapsed ? null : this.inside(selection.getRangeAt(0));
    this.keyboard = false;
    if (!found) {
      const token = event.target.closest("i") || event.target.closest("mark")?.querySelector("i");
      this.cursor = token ? this.tokens.indexOf(token) : null;
      this.anchor = null;
      if (!this.mark) this.cursor = null;
      return this.show();
    }
    [this.anchor, this.cursor] = [found[0], found[1] - 1];
    if (this.label && this.editable) this.tag(...found);
    else this.show();
    if (this.label) selection.removeAllRanges();
  }

  doubleClick(event) {
    if (event.target.closest("#text")) event.preventDefault();
  }

  get editable() { return Boolean(this.querySelector("[data-verb]")); }

  // The tokens of which the range holds at least one character: [first, last + 1), or null.
  inside(range) {
    const before = (i) => range.comparePoint(this.tokens[i].firstChild, Math.max(0, this.tokens[i].firstChild.length - 1)) < 0;
    const after = (i) => range.comparePoint(this.tokens[i].firstChild, 1) > 0;
    const search = (test) => {
      let low = 0, high = this.tokens.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (test(middle)) low = middle + 1;
        else high = middle;
      }
      return low;
    };
    const start = search(before);
    const end = search((i) => !after(i));
    return start < end ? [start, end] : null;
  }

  click(event) {
    const chip = event.target.closest(".chip");
    const button = event.target.closest("[data-verb]");
    if (chip) {
      if (chip.dataset.label === this.label && this.anchor === null && !this.mark) {
        this.label = "";
        sessionStorage.removeItem(this.memory);
        this.show();
      } else this.choose(chip.dataset.label);
    } else if (button) this.act(button.dataset.verb, event);
    if (chip || button) this.text.focus({ preventScroll: true });
  }

  // ---- the keyboard
  key(event) {
    if (this.busy) return;
    const typing = event.target.closest("input, textarea, select, button, a, summary, [contenteditable]");
    if (typing || event.altKey || event.defaultPrevented) return;
    // A key held down moves the cursor; it never judges, and never finishes what nobody has read.
    if (event.repeat && !event.key.startsWith("Arrow")) return event.preventDefault();
    if (this.command(event)) event.preventDefault();
  }

  command(event) {
    const { key, shiftKey: shift } = event;
    if (event.ctrlKey || event.metaKey) {
      if (key.toLowerCase() !== "z") return false;
      if (this.editable) this.send(shift ? "redo" : "undo");
      return this.editable;
    }
    const at = this.cursor;
    const moves = {
      ArrowRight: () => this.moveTo(at === null ? 0 : at + 1, shift),
      ArrowLeft: () => this.moveTo(at === null ? 0 : at - 1, shift),
      ArrowDown: () => this.line(1, shift),
      ArrowUp: () => this.line(-1, shift),
      Home: () => this.moveTo(0, shift),
      End: () => this.moveTo(this.tokens.length - 1, shift),
      "]": () => this.step(1),
      "[": () => this.step(-1),
      Escape: () => { this.keyboard = false; this.cursor = null; this.clear(); },
      PageDown: () => this.querySelector("[data-skip]")?.click(),
      PageUp: () => history.back(),
      "?": () => this.help(),
      h: () => this.help(),
    };
    if (moves[key]) return moves[key](), true;
    if (!this.editable) return false;
    const verbs = {
      a: () => this.judge("accept"),
      x: () => this.judge("reject"),
      Backspace: () => this.remove(),
      Delete: () => this.remove(),
      Enter: () => performance.now() - this.opened < 600 ? null : this.querySelector("[data-next]") ? this.querySelector("[data-next]").click() : this.act("finish", event),
    };
    if (verbs[key]) return verbs[key](), true;
    const chip = [...this.querySelectorAll(".chip")].find((candidate) => candidate.dataset.key === key.toLowerCase());
    if (chip) this.choose(chip.dataset.label);
    return Boolean(chip);
  }

  help() {
    const keys = this.querySelector("aside details");
    keys.open = !keys.open;
    if (keys.open) keys.scrollIntoView({ block: "nearest" });
  }
}

customElements.define("tag-desk", TagDesk);
