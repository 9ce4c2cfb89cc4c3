// Chromium without a display, with a profile of its own, and a page of another origin than the
// hub's.
import http from "node:http";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import puppeteer from "puppeteer-core";
import { track } from "./cleanup.mjs";

export const chromium = process.env.LIVEHUB_TEST_CHROMIUM ?? "/usr/bin/chromium";
export const haveChromium = existsSync(chromium);

// What the page does with a stream: everything it got lies in window.seen.
const page = `<!doctype html><meta charset="utf-8"><title>livehub test page</title><script>
  window.seen = { sse: [], ws: [], gaps: [], opens: 0, wsCloses: [], errors: 0, ids: [] };
  window.openStream = (url) => {
    const source = window.source = new EventSource(url);
    source.onopen = () => { seen.opens++; };
    source.onerror = () => { seen.errors++; };
    source.onmessage = (event) => { seen.sse.push(event.data); seen.ids.push(event.lastEventId); };
    source.addEventListener('gap', (event) => { seen.gaps.push(event.data); });
  };
  window.openSocket = (url) => new Promise((resolve, reject) => {
    const socket = window.socket = new WebSocket(url);
    socket.onopen = () => resolve(socket.protocol);
    socket.onerror = () => reject(new Error('the WebSocket did not open'));
    socket.onmessage = (event) => { seen.ws.push(event.data); };
    socket.onclose = ({ code, wasClean }) => { seen.wsCloses.push({ code, clean: wasClean }); };
  });
</script>`;

export class Browser {
  static async start() {
    const self = track(new Browser(), (browser) => browser.kill());
    self.directory = mkdtempSync(path.join(os.tmpdir(), "livehub-browser-"));
    self.site = http.createServer((_, response) => {
      response.setHeader("content-type", "text/html; charset=utf-8").end(page);
    });
    await new Promise((resolve) => self.site.listen(0, "127.0.0.1", resolve));
    try {
      self.browser = await puppeteer.launch({
        executablePath: chromium,
        headless: true,
        userDataDir: self.directory,
        protocolTimeout: 120_000,
        timeout: 120_000,
        args: [
          "--headless",
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--no-first-run",
          "--disable-background-networking",
          "--disable-component-update",
          "--disable-sync",
          "--disable-dev-shm-usage",
        ],
      });
    } catch (error) {
      await self.close();
      throw error;
    }
    return self;
  }

  get origin() {
    return `http://localhost:${this.site.address().port}`;
  }

  async open() {
    const tab = await this.browser.newPage();
    await tab.goto(`${this.origin}/`);
    return tab;
  }

  // Without waiting for anything, for tests that failed.
  kill() {
    this.browser?.process()?.kill("SIGKILL");
    this.site?.closeAllConnections?.();
    this.site?.close();
  }

  async close() {
    await this.browser?.close();
    this.site.closeAllConnections?.();
    await new Promise((resolve) => this.site.close(resolve));
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
