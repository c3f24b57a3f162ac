"use strict";
(() => {
  const HOLD = 1500;
  const POLL = 3000;
  const PATIENCE = { look: 10000, confirm: 20000, press: 90000, code: 90000, picture: 30000 };
  // A house that starts anew says no for a while.
  const FORGET = 120000;
  const $ = (id) => document.getElementById(id);
  const words = JSON.parse($("words").textContent);
  const main = $("main");
  const status = $("status");
  const language = document.documentElement.lang;

  // For this tab alone, so that it can be loaded anew.
  const kept = (name) => {
    try {
      return sessionStorage.getItem(name) || "";
    } catch {
      return "";
    }
  };
  const keep = (name, value) => {
    try {
      sessionStorage.setItem(name, value);
    } catch {
      // Then it is asked for again.
    }
  };

  let token = location.hash.slice(1);
  let visit = "";
  if (token) {
    history.replaceState(null, "", location.pathname);
    // Who opens the same link again is the same.
    if (token === kept("token")) visit = kept("visit");
    keep("token", token);
    keep("visit", visit);
  } else {
    token = kept("token");
    visit = kept("visit");
  }
  addEventListener("hashchange", () => location.reload());

  let shape = "";
  let over = false;
  let refused = 0;
  let until = Infinity;
  let asOf = "";
  let timer = 0;

  const make = (tag, text, more) => Object.assign(document.createElement(tag), { textContent: text || "" }, more);
  const time = (when, seconds) =>
    when.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined });

  // Nothing of what was there stays to be read; it comes back if the link does.
  const gone = (forget) => {
    shape = "";
    if (forget) {
      over = true;
      clearTimeout(timer);
      keep("token", "");
      keep("visit", "");
    }
    status.textContent = words.gone;
    status.className = "bad";
    main.replaceChildren(main.firstElementChild, status);
  };

  const lost = () => {
    status.className = "bad";
    status.textContent = `${words.offline} ${asOf}`;
  };

  // Returns an answer that is not "over", with what it says; null: none came, or over.
  const ask = async (what, more) => {
    const stop = new AbortController();
    const stopping = setTimeout(() => stop.abort(), PATIENCE[what]);
    try {
      const answer = await fetched(what, more, stop.signal);
      if (answer.status === 404) {
        refused = refused || Date.now();
        gone(!token || Date.now() - refused > FORGET);
        return null;
      }
      const kind = answer.headers.get("Content-Type") || "";
      if (answer.ok && kind.startsWith("image/")) return { ok: true, blob: await answer.blob() };
      const told = kind.startsWith("application/json") ? await answer.json() : {};
      if (answer.ok) refused = 0;
      // What somebody between us says is no word of the house.
      const ours = answer.ok && (told.visit || told.code);
      return { ok: Boolean(ours), error: told.error || "offline", told };
    } catch {
      return null;
    } finally {
      clearTimeout(stopping);
    }
  };
  const fetched = (what, more, signal) =>
    fetch(location.pathname, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ token, visit, do: what, ...more }),
      cache: "no-store",
      credentials: "omit",
      signal,
    });
  const why = (answer) => (answer ? answer.error : "offline");
  const said = (kind, reason, otherwise) => words[`${kind}_${reason}`] || words[reason] || words[otherwise];

  // A press that is meant: held, or by a device that cannot hold, twice.
  const held = (button, done) => {
    let holding = 0;
    let armed = 0;
    let down = 0;
    let lasted = 0;
    const label = button.textContent;
    const rest = () => {
      clearTimeout(holding);
      holding = 0;
      button.classList.remove("holding");
      if (!button.disabled) button.textContent = label;
    };
    const hold = () => {
      if (holding || button.disabled) return;
      button.classList.add("holding");
      button.textContent = words.holding;
      holding = setTimeout(() => {
        rest();
        // Taken away under the finger, it is no button any more.
        if (button.isConnected) done();
      }, HOLD);
    };
    button.addEventListener("pointerdown", (event) => {
      down = event.timeStamp;
      if (event.button === 0) hold();
    });
    button.addEventListener("pointerup", (event) => {
      lasted = event.timeStamp - down;
    });
    for (const end of ["pointerup", "pointerleave", "pointercancel", "blur"]) button.addEventListener(end, rest);
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    const key = (event) => event.key === "Enter" || event.key === " ";
    button.addEventListener("keydown", (event) => {
      if (!key(event)) return;
      event.preventDefault();
      if (!event.repeat) hold();
    });
    button.addEventListener("keyup", (event) => {
      if (!key(event)) return;
      event.preventDefault();
      rest();
    });
    button.addEventListener("click", (event) => {
      // Of a screen reader, which cannot hold: no finger is so quick, and keys are taken above.
      const tapped = lasted > 30;
      lasted = 0;
      if (tapped || button.disabled) return;
      if (Date.now() - armed < 8000) {
        armed = 0;
        done();
      } else {
        armed = Date.now();
        button.textContent = words.again;
      }
    });
  };

  const doorCard = (door, number) => {
    const card = make("section", "", { className: "door" });
    const name = make("h2", door.name, { id: `door${number}` });
    const state = make("p", "", { className: "state", id: `state${number}` });
    const told = make("p", "", { className: "told" });
    told.setAttribute("role", "status");
    card.setAttribute("aria-labelledby", name.id);
    card.append(name, state);
    if (door.id) {
      const press = make("button", words.hold, { type: "button", className: "hold" });
      press.setAttribute("aria-describedby", name.id);
      held(press, async () => {
        press.disabled = true;
        press.textContent = words.pressing;
        told.textContent = "";
        const answer = await ask("press", { door: door.id });
        press.disabled = false;
        press.textContent = words.hold;
        if (over) return;
        const good = answer && answer.ok;
        told.className = good ? "told good" : "told bad";
        told.textContent = good ? words.pressed : said("press", why(answer), "press_unknown");
        if (good) show(answer.told);
      });
      card.append(press);
    }
    card.append(told);
    if (door.id && door.code) {
      // Of its own: what the next press says must not take it away.
      const digits = make("p", "", { className: "told" });
      digits.setAttribute("role", "status");
      const more = make("button", words.keypad, { type: "button", className: "quiet" });
      more.setAttribute("aria-describedby", name.id);
      more.addEventListener("click", async () => {
        more.disabled = true;
        more.textContent = words.pressing;
        const answer = await ask("code", { door: door.id });
        more.disabled = false;
        more.textContent = words.keypad;
        if (over) return;
        const good = answer && answer.ok;
        digits.className = good ? "told good" : "told bad";
        digits.textContent = good ? `${words.keypad_code} ${[...answer.told.code].join(" ")}` : words.keypad_failed;
      });
      card.append(more, digits);
    }
    return card;
  };

  const cameraCard = (id, name) => {
    const card = make("section", "", { className: "camera" });
    const picture = make("img", "", { alt: name, hidden: true });
    const told = make("p", "", { className: "told" });
    told.setAttribute("role", "status");
    const button = make("button", `${words.picture} ${name}`, { type: "button", className: "quiet" });
    button.addEventListener("click", async () => {
      button.disabled = true;
      told.textContent = "";
      const answer = await ask("picture", { camera: id });
      button.disabled = false;
      if (over) return;
      const good = answer && answer.ok;
      URL.revokeObjectURL(picture.src);
      picture.hidden = !good;
      told.className = good ? "told" : "told bad";
      told.textContent = good ? words.as_of.replace("{time}", time(new Date(), true)) : words.picture_none;
      if (good) picture.src = URL.createObjectURL(answer.blob);
    });
    card.append(picture, button, told);
    return card;
  };

  const codeForm = () => {
    const form = make("form");
    const label = make("label", words.code_ask);
    const field = make("input", "", { id: "code", inputMode: "numeric", autocomplete: "off", maxLength: 12, required: true });
    const button = make("button", words.code_send, { type: "submit" });
    const told = make("p", "", { className: "told bad" });
    label.htmlFor = "code";
    told.setAttribute("role", "status");
    form.append(label, field, button, told);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      button.disabled = true;
      const answer = await ask("confirm", { code: field.value.replace(/\s/g, "") });
      button.disabled = false;
      if (over) return;
      if (answer && answer.ok) {
        show(answer.told);
        return;
      }
      field.value = "";
      field.focus();
      told.textContent = said("code", why(answer), "offline");
    });
    return form;
  };

  const part = (title, text) => {
    if (!text) return [];
    const section = make("section");
    section.append(make("h2", title), make("p", text, { className: "text" }));
    return [section];
  };

  const build = (page) => {
    const first = make("section", "", { className: "first" });
    if (page.address) first.append(make("p", page.address, { className: "address" }));
    if (page.finding) first.append(make("p", page.finding, { className: "text" }));
    main.replaceChildren(
      main.firstElementChild,
      status,
      ...(first.children.length ? [first] : []),
      ...page.doors.map(doorCard),
      ...(page.asks ? [codeForm()] : []),
      ...part(words.people, page.people),
      ...part(words.hazards, page.hazards),
      ...part(words.otherwise, page.otherwise),
      ...Object.entries(page.cameras || {}).map(([id, name]) => cameraCard(id, name)),
      make("p", `${words.for_whom.replace("{agency}", page.agency)} ${words.until.replace("{time}", time(new Date(page.until)))} ${words.footer}`, { className: "foot" }),
    );
  };

  const show = (page) => {
    if (over) return;
    visit = page.visit;
    keep("visit", visit);
    until = Date.parse(page.until);
    // Built anew only where something else is to be seen: somebody may be holding a button.
    const { doors, visit: _, ...rest } = page;
    const now = JSON.stringify([rest, doors.map((door) => [door.id, door.name, door.code])]);
    if (now !== shape) {
      shape = now;
      build(page);
    }
    doors.forEach((door, number) => {
      const states = door.reachable ? [words[`bolt_${door.bolt}`] || words.bolt_unknown] : [words.unreachable];
      if (door.open !== null) states.push(door.open ? words.door_open : words.door_closed);
      const state = $(`state${number}`);
      const text = states.join(", ");
      if (state.textContent !== text) state.textContent = text;
      state.dataset.bolt = door.reachable ? door.bolt : "unknown";
    });
    asOf = words.as_of.replace("{time}", time(new Date(), true));
    status.className = "";
    status.textContent = asOf;
  };

  const look = async () => {
    clearTimeout(timer);
    if (over || document.hidden) return;
    if (!token) {
      gone(true);
      return;
    }
    const answer = await ask("look");
    if (over) return;
    clearTimeout(timer);
    timer = setTimeout(look, POLL);
    if (answer && answer.ok) {
      show(answer.told);
    } else if (!refused) {
      // Also without the house it is over when it is over.
      if (Date.now() > until) gone(false);
      else lost();
    }
  };
  document.addEventListener("visibilitychange", look);
  look();
})();
