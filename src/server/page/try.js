// The panel that listens and pushes, against the hub's own port for clients.
import { by, element } from "./dom.js";
import { clock } from "./format.js";
import { Source, addressesOf } from "./source.js";

const rowsMax = 100;
const names = { sse: "SSE", ws: "WebSocket", tap: "Tap" };
const signs = { sse: "SSE", ws: "WS", tap: "TAP" };
const open = { sse: null, ws: null, tap: null };
const heard = { sse: 0, ws: 0, tap: 0 };
const states = { sse: "", ws: "", tap: "" };

export function startTry(page) {
  const addresses = page.hub ? addressesOf(page.hub) : null;
  // Other services have rooms, tickets and tokens of their own: there one can look in, by a tap.
  const isPlain = addresses !== null && page.profile === "live-data";
  for (const id of ["try-sse", "try-ws", "try-push"]) by(id).hidden = !isPlain;
  if (!isPlain) {
    by("try-title").textContent = "Look into a channel";
    by("try-channel").value = "";
    by("try-channel").placeholder = "its name";
    by("try-tap").closest(".try").classList.add("only-tap");
  }
  button("tap", () => `/debug/tap?channel=${encodeURIComponent(by("try-channel").value)}`);
  if (!isPlain) return;
  by("try-where").textContent = `To ${addresses.push}`;
  button("sse", () => addresses.sse);
  button("ws", () => addresses.ws);
  by("try-push").addEventListener("submit", (event) => {
    event.preventDefault();
    push(addresses.push);
  });
}

function button(kind, address) {
  const pressed = by(`try-${kind}`);
  pressed.addEventListener("click", () => {
    if (open[kind]) {
      open[kind].close();
      open[kind] = null;
      states[kind] = "";
      by("try-said").textContent = `${names[kind]}: stopped`;
    } else {
      open[kind] = new Source(kind, address(), {
        message: (text) => arrived(kind, kind === "tap" ? JSON.parse(text).text : text),
        gap: (reason) => row(kind, `gap: ${reason}`),
        state: (text) => {
          states[kind] = text;
          by("try-said").textContent = `${names[kind]}: ${text}`;
          counts();
        },
      });
    }
    pressed.setAttribute("aria-pressed", String(open[kind] !== null));
    counts();
  });
}

function counts() {
  const said = [];
  for (const [kind, name] of Object.entries(names))
    if (open[kind]) said.push(`${name}: ${states[kind]}, ${heard[kind]} messages`);
  by("try-counts").textContent = said.join(" · ");
}

function arrived(kind, text) {
  ++heard[kind];
  row(kind, text);
  counts();
}

function row(kind, text) {
  const list = by("try-log");
  list.prepend(
    element(
      "li",
      {},
      element("span", { class: "at" }, clock(Date.now())),
      element("span", { class: kind === "tap" ? "tapped" : kind }, signs[kind]),
      element("span", {}, text.length > 400 ? `${text.slice(0, 400)}…` : text),
    ),
  );
  while (list.childElementCount > rowsMax) list.lastElementChild.remove();
}

let pushes = 0;

// What is shown is the answer to the last push: those of earlier ones may come behind it.
async function push(url) {
  const mine = ++pushes;
  const show = (isGood, text) => {
    if (mine !== pushes) return;
    answer.className = isGood ? "good" : "bad";
    answer.textContent = text;
  };
  const answer = by("try-answer");
  const headers = { "content-type": "application/json" };
  const token = by("try-token").value;
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    const reply = await fetch(url, { method: "POST", headers, body: by("try-text").value });
    const text = await reply.text();
    show(reply.ok, `${reply.status} ${text.slice(0, 200)}`);
  } catch {
    show(false, "not reached: does CORS_ORIGINS let this page in?");
  }
}
