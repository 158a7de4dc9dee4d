// Edits on their way to the server: one at a time, in order, each repeated under its own id until it is answered.
const SEEN = ["csrfmiddlewaretoken", "list", "place", "base", "source", "reading", "shows"]; // what the page shows, not what the person does

export class Queue {
  // `desk` has the form, shows a status, and hears of answers.
  constructor(desk) {
    this.desk = desk;
    this.edits = [];
    this.pause = 0;
  }

  get length() { return this.edits.length; }

  // `words` says which tokens the person counted by; `article`, whose they are.
  add(edit) {
    const form = this.desk.form;
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0"));
    const made = { words: form.elements.shows.value, article: form.getAttribute("hx-post"), client_id: id.join("") };
    this.edits.push({ ...edit, ...made });
    if (this.edits.length === 1) this.submit();
  }

  submit() {
    const edit = this.edits[0];
    if (!edit) return;
    const form = this.desk.form;
    if (edit.article !== form.getAttribute("hx-post")) return this.drop(); // never into another article
    if (!this.pause) this.desk.status("saving");
    this.base = Number(form.elements.base.value);
    // Signing in again changes the token that the page was made with.
    const token = document.cookie.match(/(?:^|; )tagdesk_csrf=([^;]+)/);
    if (token) form.elements.csrfmiddlewaretoken.value = token[1];
    for (const field of form.elements) if (!SEEN.includes(field.name)) field.value = edit[field.name] ?? "";
    form.requestSubmit();
  }

  // Only an answer takes an edit off the queue. Without one it is sent again; signed out, it waits for the sign-in.
  answered(status, warned) {
    if (status === 0 || status >= 500 || status === 401 || status === 403) {
      this.desk.status(status === 401 || status === 403 ? "refused" : "unsaved");
      this.pause = Math.min((this.pause || 1000) * 2, 15000);
      setTimeout(() => this.submit(), this.pause);
      return false;
    }
    this.pause = 0;
    const applied = status < 400 && !warned;
    const behind = this.edits.slice(1);
    // What was done behind a refused edit, or while somebody else changed the article, was done on a page that is not so
    // any more: nothing of it is sent unseen. An edit of one's own raises the revision by one.
    const moved = Number(this.desk.form.elements.base.value) > this.base + 1;
    this.edits = applied && !moved ? behind : [];
    const lost = this.edits.length < behind.length;
    const refused = status === 409 || (status < 400 && !applied);
    this.desk.status(applied && !lost ? "saved" : refused && !lost ? "unchanged" : refused || applied ? "unapplied" : "gone");
    return true;
  }

  drop() {
    this.edits = [];
    this.desk.status("unapplied");
  }
}
