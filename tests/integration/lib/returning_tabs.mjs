// Chromium's own clients with the face of lib/returning.mjs, each in a tab of its own.

const options = { timeout: 90_000, polling: 50 };

// In the page: an EventSource comes back by itself.
function keepStream(url) {
  const told = { messages: [], gaps: 0, opens: 0 };
  const source = new EventSource(url);
  source.onopen = () => told.opens++;
  source.onmessage = (event) => told.messages.push(event.data);
  source.addEventListener("gap", () => told.gaps++);
  return told;
}

// In the page: a WebSocket that its author opens anew, with the last id.
function keepSocket(url) {
  const told = { messages: [], gaps: 0, opens: 0, firstEnd: null };
  let lastId = "";
  const open = () => {
    const socket = new WebSocket(`${url}?last_event_id=${encodeURIComponent(lastId)}`);
    socket.onopen = () => told.opens++;
    socket.onmessage = (event) => {
      const { id, gap, data } = JSON.parse(event.data);
      lastId = id;
      if (gap) told.gaps++;
      else told.messages.push(JSON.stringify(data));
    };
    socket.onclose = ({ code }) => {
      told.firstEnd ??= code;
      setTimeout(open, 250);
    };
  };
  open();
  return told;
}

class TabClient {
  static async open(browser, keep, url) {
    const client = new TabClient();
    client.tab = await browser.open();
    await client.tab.evaluate(`window.told = (${keep})(${JSON.stringify(url)})`);
    return client;
  }

  #until(condition, ...args) {
    return this.tab.waitForFunction(condition, options, ...args);
  }
  untilOpen() {
    return this.#until(() => told.opens > 0);
  }
  untilGap() {
    return this.#until(() => told.gaps > 0);
  }
  async untilMessages(count) {
    await this.#until((least) => told.messages.length >= least, count);
    return this.tab.evaluate(() => told.messages);
  }
  told() {
    return this.tab.evaluate(() => {
      const { messages: _, ...rest } = told;
      return rest;
    });
  }
  close() {
    return this.tab.close();
  }
}

export const openTabStream = (browser, url) => TabClient.open(browser, keepStream, url);
export const openTabSocket = (browser, url) => TabClient.open(browser, keepSocket, url);
