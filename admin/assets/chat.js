"use strict";
// The chat page: shows the history, posts a message, shows the reply as it
// grows. All text goes into the page as text, never as HTML.
(() => {
  const $ = (id) => document.getElementById(id);
  const log = $("log"), empty = $("empty"), page = document.scrollingElement, field = $("text"), sendButton = $("send");
  const problem = $("problem"), problemText = $("problem-text"), retry = $("retry"), state = $("state");
  const prefix = document.body.dataset.prefix;
  const pendingKey = "parley-pending"; // the message whose reply is not there yet; survives a reload
  let busy = false;

  // ---- Text ----------------------------------------------------------------

  // The elements that a reply may be made of. What else the server names is text.
  const allowed = new Set(["p", "h2", "h3", "h4", "h5", "h6", "pre", "code", "blockquote", "ul", "ol", "li", "hr",
    "table", "thead", "tbody", "tr", "th", "td", "a", "strong", "em", "s"]);

  // show puts a reply into box: what the server has read of it, and behind that
  // as text what came since.
  function show(box, view, rest = "") {
    box.replaceChildren(...view.map(build));
    if (rest !== "") box.append(element("p", "", rest));
  }

  function build(node) {
    if (!allowed.has(node.tag)) return node.text ?? "";
    const made = element(node.tag, node.align ? "to-" + node.align : "", ...(node.nodes ?? []).map(build));
    if (node.tag === "a" && /^(https?:|mailto:)/i.test(node.href)) {
      made.href = node.href;
      made.target = "_blank";
      made.rel = "noopener noreferrer nofollow";
    }
    if (node.tag === "ol") made.start = node.start ?? 0;
    const shown = node.tag === "table" ? element("div", "wide", made) : made;
    if (shown !== made || node.tag === "pre") shown.tabIndex = 0; // can be scrolled
    return shown;
  }

  function element(name, className = "", ...children) {
    const made = document.createElement(name);
    if (className) made.className = className;
    made.append(...children);
    return made;
  }

  // ---- Messages ------------------------------------------------------------

  let lastDay = "";

  function clearLog() { log.replaceChildren(); lastDay = ""; }

  // add shows a message: a person's as text, a reply as the server has read it.
  function add(role, text, at, command, view = null) {
    empty.hidden = true;
    const day = dayName(at);
    if (day !== lastDay) { lastDay = day; log.append(element("div", "day", day)); }
    const time = element("time", "", at.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }));
    time.dateTime = at.toISOString();
    time.title = at.toLocaleString();
    const face = element("img", "face");
    face.src = "/static/icon.svg";
    face.alt = "";
    const box = element("div", "text");
    const message = element("article", "message " + role + (command ? " command" : ""), face,
      element("div", "who", element("b", "", role === "user" ? "You" : "Parley"), time), box);
    if (view !== null) show(box, view);
    else if (text !== null) box.append(element("p", "", text));
    log.append(message);
    return { message, box };
  }

  function dayName(at) {
    const midnight = (d) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
    const days = Math.round((midnight(new Date()) - midnight(at)) / 86400000);
    if (days === 0) return "Today";
    if (days === 1) return "Yesterday";
    return at.toLocaleDateString([], { weekday: "long", day: "numeric", month: "long", year: "numeric" });
  }

  const atBottom = () => page.scrollHeight - page.scrollTop - page.clientHeight < 80;
  const toBottom = () => { page.scrollTop = page.scrollHeight; };

  // ---- Talking to the server -------------------------------------------------

  class Refused extends Error {
    constructor(message, final) { super(message); this.final = final; }
  }

  async function refusal(response) {
    if (response.status === 401) return new Refused("You are signed out. Reload the page to sign in again.", false);
    let message = "The server answered with status " + response.status + ".";
    try { message = sentence((await response.json()).error.message); } catch { /* not our JSON */ }
    return new Refused(message, response.status < 500);
  }

  const sentence = (s) => s.charAt(0).toUpperCase() + s.slice(1) + (/[.!?]$/.test(s) ? "" : ".");

  async function history() {
    const response = await fetch("/chat/messages");
    if (!response.ok) throw await refusal(response);
    return (await response.json()).items;
  }

  // say posts one message, calls onDelta for each piece and onView for the whole
  // as it is to be shown.
  async function say(pending, onDelta, onView) {
    const response = await fetch("/chat/messages", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept": "text/event-stream" },
      body: JSON.stringify({ id: pending.id, text: pending.text, locale: navigator.language }),
    });
    if (!response.ok) throw await refusal(response);
    for await (const { event, data } of events(response.body)) {
      if (event === "delta") onDelta(data.text);
      if (event === "view") onView(data);
      if (event === "done") return;
      if (event === "error") throw new Refused(sentence(data.error.message), data.final === true);
    }
    throw new Refused("The connection ended before the reply was complete.", false);
  }

  async function* events(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      buffer += value;
      for (let end; (end = buffer.indexOf("\n\n")) >= 0; buffer = buffer.slice(end + 2)) {
        const found = parseEvent(buffer.slice(0, end));
        if (found) yield found;
      }
    }
  }

  function parseEvent(frame) {
    let event = "", data = "";
    for (const line of frame.split("\n")) {
      if (line.startsWith("event: ")) event = line.slice(7);
      if (line.startsWith("data: ")) data += line.slice(6);
    }
    return event ? { event, data: JSON.parse(data) } : null; // else a comment
  }

  // newID needs no secure context, unlike crypto.randomUUID.
  function newID() {
    return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
  }

  // ---- What was asked and is not answered yet --------------------------------

  function remember(pending) { try { sessionStorage.setItem(pendingKey, JSON.stringify(pending)); } catch { /* full or forbidden */ } }
  function forget() { try { sessionStorage.removeItem(pendingKey); } catch { /* forbidden */ } }
  function remembered() { try { return JSON.parse(sessionStorage.getItem(pendingKey)); } catch { return null; } }

  // ---- A turn ----------------------------------------------------------------

  async function turn(pending) {
    setBusy(true);
    hideProblem();
    remember(pending);
    const { message, box } = add("assistant", null, new Date(), isCommand(pending.text));
    message.classList.add("streaming");
    const dots = element("span", "dots", element("i"), element("i"), element("i"));
    dots.setAttribute("aria-hidden", "true");
    box.append(dots);
    toBottom();
    let view = [], rest = "", drawn = true;
    const draw = () => { drawn = true; const stick = atBottom(); show(box, view, rest); if (stick) toBottom(); };
    const soon = () => { if (drawn) { drawn = false; requestAnimationFrame(() => { if (busy) draw(); }); } };
    try {
      await say(pending, (piece) => { rest += piece; soon(); }, (whole) => { view = whole; rest = ""; soon(); });
      forget();
      draw();
      message.classList.remove("streaming");
      return true;
    } catch (error) {
      message.remove();
      fail(error, pending);
      return false;
    } finally {
      setBusy(false);
    }
  }

  function ask(text) {
    const pending = { id: newID(), text };
    add("user", text, new Date(), isCommand(text));
    turn(pending);
  }

  const isCommand = (text) => prefix !== "" && text.trimStart().startsWith(prefix);

  function fail(error, pending) {
    const known = error instanceof Refused;
    if (known && error.final) forget();
    problemText.textContent = known ? error.message : "The server cannot be reached. Your message is kept here.";
    retry.onclick = () => {
      turn(known && error.final ? { id: newID(), text: pending.text } : pending);
      field.focus();
    };
    problem.hidden = false;
    if (atBottom()) toBottom();
  }

  function hideProblem() { problem.hidden = true; problemText.textContent = ""; }

  function setBusy(now) {
    busy = now;
    log.setAttribute("aria-busy", String(now)); // read out once, when complete
    state.textContent = now ? "is writing…" : "";
    state.hidden = !now;
    offerSend();
  }

  function offerSend() { sendButton.disabled = busy || field.value.trim() === ""; }

  // ---- The field -------------------------------------------------------------

  function grow() {
    if (CSS.supports("field-sizing", "content")) return;
    field.style.height = "auto";
    field.style.height = field.scrollHeight + "px";
  }

  function submit() {
    const text = field.value.trim();
    if (busy || text === "") return;
    field.value = "";
    grow();
    ask(text);
    field.focus();
  }

  field.addEventListener("input", () => { grow(); offerSend(); });
  // Enter sends. Keyboards on glass may tell of it only as a line break, and
  // an input method's Enter only chooses a word.
  let shift = false;
  field.addEventListener("keydown", (event) => {
    shift = event.shiftKey;
    if (event.key !== "Enter" || shift || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  field.addEventListener("beforeinput", (event) => {
    if (event.inputType !== "insertLineBreak" || shift || event.isComposing) return;
    event.preventDefault();
    submit();
  });
  $("composer").addEventListener("submit", (event) => { event.preventDefault(); submit(); });
  for (const starter of document.querySelectorAll(".starter")) {
    starter.addEventListener("click", () => {
      field.value = starter.dataset.say ?? starter.dataset.fill;
      offerSend();
      if (starter.dataset.say) submit();
      field.focus();
    });
  }

  // ---- Start -----------------------------------------------------------------

  async function load() {
    const items = await history();
    clearLog();
    for (const item of items) add(item.role, item.text, new Date(item.at), item.command, item.view ?? null);
    empty.hidden = items.length > 0;
    toBottom();
  }

  async function start() {
    setBusy(true);
    state.hidden = true;
    try {
      await load();
    } catch (error) {
      fail(error, null);
      if (!(error instanceof Refused)) problemText.textContent = "The server cannot be reached.";
      retry.onclick = () => { hideProblem(); start(); };
      return;
    } finally {
      setBusy(false);
    }
    const pending = remembered();
    if (!pending) return;
    // The same id is the same message: the server answers it once.
    add("user", pending.text, new Date(), isCommand(pending.text));
    if (await turn(pending)) await load().catch(() => {});
  }

  if (!matchMedia("(pointer: coarse)").matches) field.focus(); // no keyboard over half the phone
  start();
})();
