// A NATS operator with one account and one user, as `nsc` would make them: the configuration of a
// server that knows them, and the user's credentials file.
import { createPrivateKey, generateKeyPairSync, sign } from "node:crypto";

const types = { operator: 14 << 3, account: 0, user: 20 << 3 };
const seed = 18 << 3;

function base32(bytes) {
  let bits = 0;
  let value = 0;
  let text = "";
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xffff;
    bits += 8;
    for (; bits >= 5; bits -= 5) {
      text += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(value >> (bits - 5)) & 31];
    }
  }
  if (bits > 0) text += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"[(value << (5 - bits)) & 31];
  return text;
}

// With CRC-16/XMODEM behind it, low byte first.
function withSum(bytes) {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte << 8;
    for (let i = 0; i < 8; i++) crc = ((crc << 1) ^ (crc & 0x8000 ? 0x1021 : 0)) & 0xffff;
  }
  return base32(Buffer.concat([bytes, Buffer.from([crc & 255, crc >> 8])]));
}

function keyPair(type) {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const open = publicKey.export({ format: "der", type: "spki" }).subarray(-32);
  const secret = privateKey.export({ format: "der", type: "pkcs8" }).subarray(-32);
  const prefix = types[type];
  return {
    key: createPrivateKey(privateKey.export({ format: "pem", type: "pkcs8" })),
    name: withSum(Buffer.concat([Buffer.from([prefix]), open])),
    seed: withSum(Buffer.concat([Buffer.from([seed | (prefix >> 5), (prefix & 31) << 3]), secret])),
  };
}

function token(type, of, by) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { jti: `${type}-test`, iat: Math.floor(Date.now() / 1000), iss: by.name };
  const rest = { name: type, sub: of.name, nats: { type, version: 2 } };
  if (type === "account") {
    const none = -1;
    rest.nats.limits = { subs: none, data: none, payload: none, imports: none, exports: none };
    Object.assign(rest.nats.limits, { wildcards: true, conn: none, leaf: none });
  }
  if (type === "user") Object.assign(rest.nats, { subs: -1, data: -1, payload: -1 });
  const text = `${part({ typ: "JWT", alg: "ed25519-nkey" })}.${part({ ...claims, ...rest })}`;
  return `${text}.${sign(null, Buffer.from(text), by.key).toString("base64url")}`;
}

export function natsAccounts() {
  const operator = keyPair("operator");
  const account = keyPair("account");
  const user = keyPair("user");
  const config =
    `operator: ${token("operator", operator, operator)}\nresolver: MEMORY\n` +
    `resolver_preload: { ${account.name}: ${token("account", account, operator)} }\n`;
  const credentials =
    `-----BEGIN NATS USER JWT-----\n${token("user", user, account)}\n` +
    `------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${user.seed}\n` +
    `------END USER NKEY SEED------\n`;
  return { config, credentials };
}
