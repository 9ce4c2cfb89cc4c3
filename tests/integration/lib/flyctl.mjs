#!/usr/bin/env node
// A stand-in for flyctl, run by fly/deploy.sh in the tests: keeps apps, volumes and secrets in the
// directory STAND_IN_STATE, writes each call to its log, and fails where flyctl would. `proxy` is
// an admin port of Restate. What FAIL_ON names fails.
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";

const directory = process.env.STAND_IN_STATE;
const file = path.join(directory, "state.json");
const state = existsSync(file)
  ? JSON.parse(readFileSync(file, "utf8"))
  : { apps: [], volumes: [], secrets: {}, registered: [] };
const save = () => writeFileSync(file, JSON.stringify(state));
const log = (line) => appendFileSync(path.join(directory, "log"), `${line}\n`);

const words = process.argv.slice(2);
const line = words.join(" ");
log(line);
if (process.env.FAIL_ON && line.includes(process.env.FAIL_ON)) fail("Error: told to fail");
const app = words[words.indexOf("-a") + 1];
const known = () => state.apps.includes(app) || fail(`Error: app ${app} not found`);

function fail(text) {
  console.error(text);
  process.exit(1);
}

function setSecrets(pairs) {
  known();
  const before = JSON.stringify(state.secrets[app]);
  for (const pair of pairs) {
    const [name, ...value] = pair.split("=");
    state.secrets[app] = { ...state.secrets[app], [name]: value.join("=") };
  }
  if (before === JSON.stringify(state.secrets[app])) fail("Error: No change detected to secrets");
  save();
}

const actions = {
  status: known,
  "apps create": () => {
    if (state.apps.includes(words[2])) fail("Error: Name has already been taken");
    state.apps.push(words[2]);
    save();
  },
  "volumes list": () => {
    known();
    for (const [owner, name] of state.volumes) {
      if (owner === app) console.log(`vol_123 created ${name} 1GB sjc`);
    }
  },
  "volumes create": () => {
    known();
    if (state.volumes.some(([owner, name]) => owner === app && name === words[2]))
      fail("Error: a second volume of that name");
    state.volumes.push([app, words[2]]);
    save();
  },
  "secrets set": () => setSecrets(words.filter((word) => word.includes("="))),
  "secrets import": () => setSecrets(readFileSync(0, "utf8").trim().split("\n")),
  deploy: () => {
    known();
    const config = words[words.indexOf("--config") + 1];
    if (!existsSync(config)) fail(`Error: there is no ${config}`);
  },
  proxy: () => {
    known();
    const port = Number(words[1].split(":")[0]);
    http
      .createServer(async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        if (request.method === "POST") log(`${request.method} ${request.url} ${body}`);
        response.writeHead(request.method === "POST" ? 201 : 200).end();
      })
      .listen(port, "127.0.0.1");
  },
};
const action = actions[words.slice(0, 2).join(" ")] ?? actions[words[0]];
if (!action) fail(`Error: unknown command ${line}`);
action();
