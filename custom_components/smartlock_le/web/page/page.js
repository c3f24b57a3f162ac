"use strict";
(() => {
  const HOLD = 1500;
  const POLL = 3000;
  const PATIENCE = 90000;
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
    keep("token", token);
    keep("visit", "");
  } else {
    token = kept("token");
    visit = kept("visit");
  }
  addEventListener("hashchange", () => location.reload());

  let shape = "";
  let over = false;
  let timer = 0;

  const make = (tag, text, more) => Object.assign(document.createElement(tag), { textContent: text || "" }, more);
  const time = (when, seconds) =>
    when.toLocaleTimeString(language, { hour: "2-digit", minute: "2-digit", second: seconds ? "2-digit" : undefined });

  const gone = () => {
    over = true;
    clearTimeout(timer);
    keep("token", "");
    keep("visit", "");
    status.textContent = words.gone;
    status.className = "bad";
    main.replaceChildren(main.firstElementChild, status);
  };

  // Returns an answer that is not "over"; null: none came, or the link is over.
  const ask = async (what, more) => {
    let answer;
    try {
      answer = await fetch(location.pathname, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ token, visit, do: what, ...more }),
        cache: "no-store",
        credentials: "omit",
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      return null;
    }
    if (answer.status === 404 || answer.status === 429) {
      gone();
      return null;
    }
    return answer;
  };
  const error = async (answer) => {
    if (!answer) return "offline";
    try {
      return (await answer.json()).error || "offline";
    } catch {
      return "offline";
    }
  };
  const said = (kind, why, otherwise) => words[`${kind}_${why}`] || words[why] || words[otherwise];

  // A press that is meant: held, or by a device that cannot hold, twice.
  const held = (button, done) => {
    let holding = 0;
    let armed = 0;
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
        done();
      }, HOLD);
    };
    button.addEventListener("pointerdown", (event) => event.button === 0 && hold());
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
      // Of a screen reader: a pointer has a position, and keys are taken above.
      if (event.detail !== 0 || button.disabled) return;
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
        told.textContent = good ? words.pressed : said("press", await error(answer), "press_unknown");
        if (good) show(await answer.json());
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
        digits.textContent = good ? `${words.keypad_code} ${[...(await answer.json()).code].join(" ")}` : words.keypad_failed;
      });
      card.append(more, digits);
    }
    return card;
  };

  const cameraCard = (id, name) => {
    const card = make("section", "", { className: "camera" });
    const picture = make("img", "", { alt: name, hidden: true });
    const told = make("p", "", { className: "told bad" });
    told.setAttribute("role", "status");
    const button = make("button", `${words.picture} ${name}`, { type: "button", className: "quiet" });
    button.addEventListener("click", async () => {
      button.disabled = true;
      told.textContent = "";
      const answer = await ask("picture", { camera: id });
      button.disabled = false;
      if (over) return;
      if (answer && answer.ok) {
        URL.revokeObjectURL(picture.src);
        picture.src = URL.createObjectURL(await answer.blob());
        picture.hidden = false;
      } else {
        told.textContent = words.picture_none;
      }
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
        show(await answer.json());
        return;
      }
      field.value = "";
      field.focus();
      told.textContent = said("code", await error(answer), "offline");
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
    status.className = "";
    status.textContent = words.as_of.replace("{time}", time(new Date(), true));
  };

  const look = async () => {
    clearTimeout(timer);
    if (over || document.hidden) return;
    if (!token) {
      gone();
      return;
    }
    const answer = await ask("look");
    if (over) return;
    if (answer && answer.ok) {
      show(await answer.json());
    } else {
      status.className = "bad";
      status.textContent = answer && answer.status === 409 ? words.busy : words.offline;
    }
    timer = setTimeout(look, POLL);
  };
  document.addEventListener("visibilitychange", look);
  look();
})();
