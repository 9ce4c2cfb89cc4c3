// docs/examples/deploy/nginx.conf and Caddyfile as they are, but for names, ports and certificate,
// in the real programs: streams pass at once, sockets are upgraded, the client's address passes.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import https from "node:https";
import net from "node:net";
import path from "node:path";
import { test } from "node:test";
import { track } from "./lib/cleanup.mjs";
import { eventually } from "./lib/patience.mjs";
import { freePort } from "./lib/redis.mjs";
import { root, temporaryDirectory, withServer } from "./lib/server.mjs";
import { runTool } from "./lib/tool.mjs";

const snippet = (name) => readFileSync(path.join(root, "docs/examples/deploy", name), "utf8");
const replaced = (text, pairs) =>
  pairs.reduce((now, [old, wanted]) => {
    assert.ok(now.includes(old), `the snippet has no ${old}`);
    return now.replaceAll(old, wanted);
  }, text);

function certificate(directory) {
  const [key, pem] = ["key.pem", "certificate.pem"].map((name) => path.join(directory, name));
  const names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
  const out = ["-nodes", "-days", "90", "-keyout", key, "-out", pem];
  execFileSync("openssl", [...args, ...out, ...names], { stdio: "ignore" });
  return { key, pem };
}

const proxies = {
  nginx: {
    program: process.env.LIVEHUB_TEST_NGINX ?? "/usr/sbin/nginx",
    command(directory, port, hubPort, { key, pem }) {
      const places = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map((name) => `${name}_temp_path ${directory}/${name};`)
        .join(" ");
      const server = replaced(snippet("nginx.conf"), [
        ["listen 443 ssl;", `listen 127.0.0.1:${port} ssl;`],
        ["hub.example;", "localhost;"],
        ["/etc/ssl/hub.example.crt", pem],
        ["/etc/ssl/hub.example.key", key],
        ["127.0.0.1:8787", `127.0.0.1:${hubPort}`],
      ]);
      const user = process.getuid() === 0 ? "user root;" : "";
      const file = path.join(directory, "nginx.conf");
      const text =
        `daemon off; pid ${directory}/pid; error_log stderr; ${user}\n` +
        `events {}\nhttp { access_log off; ${places}\n${server}}\n`;
      writeFileSync(file, text);
      return ["-c", file, "-p", directory, "-e", "stderr"];
    },
  },
  Caddy: {
    program: process.env.LIVEHUB_TEST_CADDY ?? "/usr/bin/caddy",
    command(directory, port, hubPort, { key, pem }) {
      const site = replaced(snippet("Caddyfile"), [
        ["hub.example {", `https://localhost:${port} {\n\tbind 127.0.0.1\n\ttls ${pem} ${key}`],
        ["127.0.0.1:8787", `127.0.0.1:${hubPort}`],
      ]);
      const file = path.join(directory, "Caddyfile");
      writeFileSync(file, `{\n\tadmin off\n\tauto_https disable_redirects\n}\n${site}`);
      return ["run", "--config", file, "--adapter", "caddyfile"];
    },
  },
};

// `spoil` makes of a snippet what people get who leave something out.
async function start(name, t, hubPort, spoil = (text) => text) {
  const directory = temporaryDirectory(t);
  mkdirSync(path.join(directory, "logs"));
  const port = await freePort();
  const { program, command } = proxies[name];
  const env = { PATH: process.env.PATH, HOME: directory, XDG_DATA_HOME: directory };
  const args = command(directory, port, hubPort, certificate(directory));
  const file = args.find((one) => /(nginx\.conf|Caddyfile)$/.test(one));
  writeFileSync(file, spoil(readFileSync(file, "utf8")));
  const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  track(child, () => child.kill("SIGTERM"));
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => {
    said += text;
  });
  await eventually(async () => {
    assert.equal(child.exitCode, null, said);
    const socket = net.connect(port, "127.0.0.1");
    const isOpen = await new Promise((resolve) =>
      socket.on("connect", () => resolve(true)).on("error", () => resolve(false)));
    socket.destroy();
    return isOpen;
  }, `${name} to listen`);
  return { child, port };
}

for (const [name, { program }] of Object.entries(proxies)) {
  const skip = existsSync(program) ? false : `no ${program} here`;
  test(`${name}: what the snippet promises`, { skip }, async (t) => {
    await withServer({ env: { TRUSTED_PROXIES: "127.0.0.1/32" } }, async (server) => {
      const { child, port } = await start(name, t, server.port);
      const url = `https://localhost:${port}`;
      // Pushes, reads back over both transports: a proxy that buffers or does not upgrade fails.
      const tool = await runTool(["check", "--json", "--insecure", "--url", url]);
      const { findings, errors } = JSON.parse(tool.stdout);
      assert.equal(errors, 0, tool.stdout);
      for (const subject of ["SSE", "WebSocket"])
        assert.equal(findings.find((one) => one.subject === subject)?.level, "ok", tool.stdout);
      // Whoever comes from 127.0.0.9 is 127.0.0.9 to the hub, not the proxy.
      const agent = new https.Agent({ localAddress: "127.0.0.9", rejectUnauthorized: false });
      const request = https.get(`${url}/api/live`, { agent, family: 4 }, (reply) => reply.resume());
      await eventually(async () => {
        const text = await (await fetch(`${server.adminUrl}/debug/connections`)).text();
        return text.includes('"127.0.0.9"');
      }, "the client's own address");
      request.destroy();
      child.kill("SIGTERM");
    });
  });
}

// docs/DEPLOY.md: `livehub check --url` finds a proxy that buffers.
const skipNginx = existsSync(proxies.nginx.program) ? false : "no nginx here";
test("a proxy that buffers, or upgrades nothing, is found", { skip: skipNginx }, async (t) => {
  await withServer({}, async (server) => {
    for (const [subject, spoil] of [
      ["SSE", (text) => text.replace("proxy_buffering off;",
        "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;")],
      ["WebSocket", (text) => text.replace(/.*proxy_set_header (Upgrade|Connection).*\n/g, "")],
    ]) {
      const { child, port } = await start("nginx", t, server.port, spoil);
      const url = `https://localhost:${port}`;
      const tool = await runTool(["check", "--json", "--insecure", "--url", url]);
      assert.equal(tool.exited.code, 1, tool.stdout);
      const found = JSON.parse(tool.stdout).findings.find((one) => one.subject === subject);
      assert.equal(found?.level, "error", tool.stdout);
      assert.ok(found.change, tool.stdout);
      child.kill("SIGTERM");
    }
  });
});
