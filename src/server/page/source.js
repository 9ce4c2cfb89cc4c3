// A stream of a hub, over SSE or WebSocket. A browser's EventSource comes back by itself; the
// WebSocket is opened anew here, later each time.

export class Source {
  // on: { open(), message(text), state(text, tone), gap(reason) }
  constructor(kind, url, on) {
    this.on = on;
    this.url = url;
    this.attempt = 0;
    this.closed = false;
    kind === "ws" ? this.#openSocket() : this.#openEvents();
  }

  #openEvents() {
    const events = (this.events = new EventSource(this.url));
    this.on.state("connecting", "");
    events.onopen = () => {
      this.on.state("connected", "good");
      this.on.open?.();
    };
    events.onmessage = (event) => this.on.message(event.data);
    events.addEventListener("gap", (event) => this.on.gap?.(event.data));
    events.onerror = () => {
      const isOver = events.readyState === EventSource.CLOSED;
      if (isOver) this.on.state("refused: is that a hub, and does it let this page in?", "bad");
      else this.on.state("reconnecting", "warn");
    };
  }

  #openSocket() {
    const socket = (this.socket = new WebSocket(this.url));
    const isAgain = this.attempt > 0;
    this.on.state(isAgain ? "reconnecting" : "connecting", isAgain ? "warn" : "");
    socket.onopen = () => {
      this.attempt = 0;
      this.on.state("connected", "good");
      this.on.open?.();
    };
    socket.onmessage = (event) => {
      if (typeof event.data === "string") this.on.message(event.data);
    };
    socket.onclose = (event) => {
      if (this.closed) return;
      const delay = Math.min(10_000, 250 * 1.7 ** this.attempt++);
      this.on.state(`closed (${event.reason || event.code}), trying again`, "warn");
      this.timer = setTimeout(() => this.#openSocket(), delay);
    };
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.events?.close();
    if (this.socket?.readyState <= WebSocket.OPEN) this.socket.close(1000, "client disconnect");
  }
}

// Where a hub's streams are, from its address or that of one of its streams.
export function addressesOf(text) {
  const url = new URL(text);
  const isTls = url.protocol === "https:" || url.protocol === "wss:";
  const origin = `${isTls ? "https" : "http"}://${url.host}`;
  const socketOrigin = `${isTls ? "wss" : "ws"}://${url.host}`;
  const path = url.pathname === "/" ? "/api/live" : url.pathname.replace(/\/ws$/, "");
  return {
    origin,
    sse: `${origin}${path}${url.search}`,
    ws: `${socketOrigin}${path}/ws${url.search}`,
    push: `${origin}${path}/push`,
  };
}
