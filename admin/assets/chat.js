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

  // show puts text into box: paragraphs, code fences, inline code, bold.
  function show(box, text) {
    box.replaceChildren();
    const lines = text.split("\n");
    let plain = [], fence = null, code = [];
    const endPlain = () => { paragraphs(box, plain.join("\n")); plain = []; };
    const endCode = () => { box.append(element("pre", "", element("code", "", code.join("\n")))); code = []; fence = null; };
    for (const line of lines) {
      const mark = line.match(/^ {0,3}(`{3,}|~{3,})(.*)$/);
      if (fence === null && mark && !mark[2].includes("`")) { endPlain(); fence = mark[1]; continue; }
      if (fence !== null && mark && mark[1].startsWith(fence) && mark[2].trim() === "") { endCode(); continue; }
      (fence === null ? plain : code).push(line);
    }
    if (fence !== null) endCode();
    endPlain();
  }

  function paragraphs(box, text) {
    for (const part of text.split(/\n{2,}/)) {
      if (part.trim() === "") continue;
      const p = element("p");
      for (const piece of part.replace(/^\n+|\n+$/g, "").split(/(`[^`\n]+`|\*\*[^*\s][^*\n]*\*\*)/)) p.append(inline(piece));
      box.append(p);
    }
  }

  function inline(piece) {
    if (/^`[^`]+`$/.test(piece)) return element("code", "", piece.slice(1, -1));
    if (/^\*\*[^*]+\*\*$/.test(piece)) return element("strong", "", piece.slice(2, -2));
    return piece;
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

  function add(role, text, at, command) {
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
    if (text !== null) show(box, text);
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

  // say posts one message, calls onDelta for each piece, returns the reply.
  async function say(pending, onDelta) {
    const response = await fetch("/chat/messages", {
      method: "POST",
      headers: { "Content-Type": "application/json", "Accept": "text/event-stream" },
      body: JSON.stringify({ id: pending.id, text: pending.text, locale: navigator.language }),
    });
    if (!response.ok) throw await refusal(response);
    for await (const { event, data } of events(response.body)) {
      if (event === "delta") onDelta(data.text);
      if (event === "done") return data.reply;
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
    let text = "", drawn = true;
    const draw = () => { drawn = true; const stick = atBottom(); show(box, text); if (stick) toBottom(); };
    try {
      const reply = await say(pending, (piece) => {
        text += piece;
        if (drawn) { drawn = false; requestAnimationFrame(() => { if (busy) draw(); }); }
      });
      forget();
      text = reply.text;
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
    for (const item of items) add(item.role, item.text, new Date(item.at), item.command);
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
