// An identity provider: tokens that it signs, and the address at which it shows its keys.
import { generateKeyPairSync, sign } from "node:crypto";
import http from "node:http";
import { track } from "./cleanup.mjs";

const seconds = () => Math.floor(Date.now() / 1000);
const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

// A key, the set that holds it alone, and tokens signed with it.
export function provider(kid) {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid };
  const tokenOf = (sub) => {
    const head = part({ alg: "ES256", typ: "JWT", kid });
    const text = `${head}.${part({ sub, exp: seconds() + 600 })}`;
    const key = { key: privateKey, dsaEncoding: "ieee-p1363" };
    return `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
  };
  return { jwk, keySet: JSON.stringify({ keys: [jwk] }), tokenOf };
}

// Where the keys are shown; `asked` counts who looked.
export class KeySite {
  asked = 0;
  status = 200;

  static async start(...providers) {
    const site = new KeySite();
    site.show(...providers);
    site.server = http.createServer((_, response) => {
      site.asked++;
      response.writeHead(site.status).end(site.keySet);
    });
    await new Promise((resolve) => site.server.listen(0, "127.0.0.1", resolve));
    track(site);
    return site;
  }

  show(...providers) {
    this.keySet = JSON.stringify({ keys: providers.map(({ jwk }) => jwk) });
  }
  get url() {
    return `http://127.0.0.1:${this.server.address().port}/keys`;
  }
  close() {
    this.server.closeAllConnections();
    this.server.close();
  }
}
