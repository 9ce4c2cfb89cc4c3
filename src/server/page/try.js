// The panel that listens and pushes, against the hub's own port for clients.
import { by, element } from "./dom.js";
import { clock } from "./format.js";
import { Source, addressesOf } from "./source.js";

const rowsMax = 100;
const open = { sse: null, ws: null };
const heard = { sse: 0, ws: 0 };
const states = { sse: "", ws: "" };

export function startTry(hub) {
  const addresses = addressesOf(hub);
  by("try-where").textContent = `To ${addresses.push}`;
  for (const kind of ["sse", "ws"]) {
    const button = by(`try-${kind}`);
    button.addEventListener("click", () => {
      if (open[kind]) {
        open[kind].close();
        open[kind] = null;
        states[kind] = "";
      } else {
        open[kind] = new Source(kind, addresses[kind], {
          message: (text) => arrived(kind, text),
          gap: (reason) => row(kind, `gap: ${reason}`),
          state: (text) => {
            states[kind] = text;
            counts();
          },
        });
      }
      button.setAttribute("aria-pressed", String(open[kind] !== null));
      counts();
    });
  }
  by("try-push").addEventListener("submit", (event) => {
    event.preventDefault();
    push(addresses.push);
  });
}

function counts() {
  const said = [];
  for (const [kind, name] of [["sse", "SSE"], ["ws", "WebSocket"]])
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
      element("span", { class: kind }, kind === "ws" ? "WS" : "SSE"),
      element("span", {}, text.length > 400 ? `${text.slice(0, 400)}…` : text),
    ),
  );
  while (list.childElementCount > rowsMax) list.lastElementChild.remove();
}

async function push(url) {
  const answer = by("try-answer");
  const headers = { "content-type": "application/json" };
  const token = by("try-token").value;
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    const reply = await fetch(url, { method: "POST", headers, body: by("try-text").value });
    const text = await reply.text();
    answer.className = reply.ok ? "good" : "bad";
    answer.textContent = `${reply.status} ${text.slice(0, 200)}`;
  } catch {
    answer.className = "bad";
    answer.textContent = "not reached: does CORS_ORIGINS let this page in?";
  }
}
