// Client of the Fengsui national-crypto service: one file, sm-crypto-v2 beside it, Node 18 or later.
//
// Keys stay at the service; signatures are verified here or there. Messages are Uint8Array, and so
// are signatures (DER) and ciphertexts (DER, C1C3C2). Every refusal is a Refused with a code.
import { randomBytes } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { sm2, sm3 } from "sm-crypto-v2";

export const DEFAULT_ID = "1234567812345678";
const REQUEST_ID = "fengsui/request/1";
const ATTEMPTS_MAX = 4;
const WAIT_MS_MAX = 30_000;
const TIMEOUT_MS = 10_000;
const C1C3C2 = 1;

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (array) => Buffer.from(array).toString("hex");
const base64 = (array) => Buffer.from(array).toString("base64");
const unbase64 = (text) => Uint8Array.from(Buffer.from(text, "base64"));
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** What the service did not do; decide by `code`. */
export class Refused extends Error {
  constructor(status, problem) {
    super(`${problem.detail} [${problem.code}]`);
    this.name = "Refused";
    this.status = status;
    this.code = problem.code;
    this.params = problem.params ?? {};
  }
}

/** A key pair of one's own: `secret` and `point` (04‖x‖y) in hexadecimal. */
export class Key {
  constructor(secret) {
    this.secret = secret;
    this.point = sm2.getPublicKeyFromPrivateKey(secret);
    this.id = sm3(bytes(this.point)).slice(0, 16);
  }

  static generate() {
    return new Key(sm2.generateKeyPairHex().privateKey);
  }

  /** Of PKCS#8 in PEM, not under a password. */
  static fromPem(pem) {
    const body = /-----BEGIN PRIVATE KEY-----([^-]+)-----END PRIVATE KEY-----/.exec(pem);
    const der = body ? hex(Buffer.from(body[1], "base64")) : "";
    // The curve sm2p256v1, then version 1 and the scalar of ECPrivateKey (RFC 5915).
    const found = /06082a811ccf5501822d.*?0201010420([0-9a-f]{64})/.exec(der);
    if (!found) throw new Error("no SM2 private key in PKCS#8");
    return new Key(found[1]);
  }

  /** DER signature of a message under an ID. */
  sign(message, id = DEFAULT_ID) {
    const options = { der: true, hash: true, publicKey: this.point, userId: id };
    return bytes(sm2.doSignature(message, this.secret, options));
  }
}

/** Whether a DER signature of a message is valid under a public key (04‖x‖y in hexadecimal). */
export function verifyLocally(point, message, signature, id = DEFAULT_ID) {
  const options = { der: true, hash: true, userId: id };
  try {
    return sm2.doVerifySignature(message, hex(signature), point, options);
  } catch {
    return false;
  }
}

/** Ciphertext in DER for a public key. */
export function encryptLocally(point, plaintext) {
  return bytes(sm2.doEncrypt(plaintext, point, C1C3C2, { asn1: true }));
}

/** The Authorization header of one request; `target` is path and query exactly as sent. */
export function signRequest(key, application, { method, target, body, timestamp, nonce }) {
  const credential = `${application}.${key.id}`;
  const digest = sm3(Uint8Array.from(Buffer.from(body, "utf8")));
  const lines = ["FENGSUI-SM2/1", method, target, timestamp, nonce, credential, digest];
  const text = Uint8Array.from(Buffer.from(lines.join("\n"), "utf8"));
  const options = { hash: true, publicKey: key.point, userId: REQUEST_ID };
  const raw = bytes(sm2.doSignature(text, key.secret, options));
  return (
    `Fengsui-SM2 credential=${credential},timestamp=${timestamp},nonce=${nonce},` +
    `signature=${base64(raw)}`
  );
}

export class Client {
  #base;
  #application;
  #token;
  #key;

  /** Give `token`, or `key` (a Key) to sign each request. */
  constructor(base, application, { token, key }) {
    if (!token === !key) throw new Error("a client has one credential: token or key");
    this.#base = base.replace(/\/+$/, "");
    this.#application = application;
    this.#token = token;
    this.#key = key;
  }

  /** Post a body, or get without one. 429 and 503 are repeated, each time with a new nonce. */
  async call(path, body) {
    const url = new URL(this.#base + path);
    const sent = body === undefined ? "" : JSON.stringify(body);
    let pause = 200;
    for (let attempt = 1; ; attempt++) {
      const last = attempt === ATTEMPTS_MAX;
      let answer, text;
      try {
        answer = await this.#attempt(url, body === undefined ? "GET" : "POST", sent);
        text = await answer.text();
      } catch (error) {
        if (last) throw new Error(`no answer from ${url.host}`, { cause: error });
      }
      if (answer?.ok && text !== undefined) return JSON.parse(text);
      if (answer && text !== undefined) {
        const refused = problem(answer.status, text);
        if (last || ![429, 503].includes(answer.status)) throw refused;
        const seconds = Number(answer.headers.get("retry-after") ?? 0);
        pause = Math.max(pause, 1000 * (seconds || 0));
        if (pause > WAIT_MS_MAX) throw refused;
      }
      await wait(pause);
      pause *= 2;
    }
  }

  #attempt(url, method, body) {
    const target = url.pathname + url.search;
    const headers = { authorization: this.#authorization(method, target, body) };
    headers["accept-language"] = "en";
    if (method === "POST") headers["content-type"] = "application/json";
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    return fetch(url, { method, headers, signal, ...(method === "POST" && { body }) });
  }

  #authorization(method, target, body) {
    if (!this.#key) return `Bearer ${this.#token}`;
    const timestamp = Math.floor(Date.now() / 1000);
    const nonce = randomBytes(18).toString("base64url");
    return signRequest(this.#key, this.#application, { method, target, body, timestamp, nonce });
  }

  /** `{ signature, key, version, … }`, signature as bytes. */
  async sign(key, message) {
    const made = await this.call("/v1/crypto/sign", { key, message: base64(message) });
    return { ...made, signature: unbase64(made.signature) };
  }

  /** Resolves only for a valid signature; under `{ key }` or `{ publicKey }` (hexadecimal). */
  async verify(message, signature, { key, publicKey }) {
    const under = key ? { key } : { public_key: base64(bytes(publicKey)) };
    const body = { ...under, message: base64(message), signature: base64(signature) };
    return this.call("/v1/crypto/verify", body);
  }

  async decrypt(key, ciphertext) {
    const body = { key, ciphertext: base64(ciphertext) };
    return unbase64((await this.call("/v1/crypto/decrypt", body)).plaintext);
  }

  async digest(message) {
    return unbase64((await this.call("/v1/crypto/digest", { message: base64(message) })).digest);
  }

  /** 04‖x‖y of a version of a key, the newest unless said. Keep it: it never changes. */
  async publicKey(key, version) {
    const { versions } = await this.call(`/v1/crypto/keys/${encodeURIComponent(key)}`);
    const found = version ? versions.find((one) => one.version === version) : versions.at(-1);
    if (!found?.public_key) throw new Error(`${key} has no public key of that version`);
    return found.public_key;
  }
}

function problem(status, text) {
  try {
    const said = JSON.parse(text);
    if (said.code) return new Refused(status, said);
  } catch {
    // Below.
  }
  return new Error(`status ${status} without a problem: is there a proxy in between?`);
}

// The self-check: what is read from the environment stands in ../README.md.
async function round(client) {
  const { FENGSUI_SIGN_KEY: key, FENGSUI_BOX_KEY: box } = process.env;
  const message = Uint8Array.from(randomBytes(100));
  const made = await client.sign(key, message);
  const signer = await client.publicKey(key, made.version);
  const own = Key.generate();
  await client.verify(message, own.sign(message), { publicKey: own.point });
  const sealed = encryptLocally(await client.publicKey(box), message);
  const wrong = await client
    .verify(message.slice(1), made.signature, { key })
    .then(() => "", (error) => error.code);
  return {
    service_signs: verifyLocally(signer, message, made.signature),
    client_signs: true,
    client_encrypts: hex(await client.decrypt(box, sealed)) === hex(message),
    digest: hex(await client.digest(message)) === sm3(message),
    wrong_signature: wrong,
  };
}

async function check() {
  const { FENGSUI_URL: base, FENGSUI_APPLICATION: application } = process.env;
  const { FENGSUI_TOKEN: token, FENGSUI_KEY_FILE: file } = process.env;
  const found = { client: "javascript" };
  if (token) found.bearer = await round(new Client(base, application, { token }));
  if (file) {
    const key = Key.fromPem(readFileSync(file, "utf8"));
    found.signed = await round(new Client(base, application, { key }));
  }
  console.log(JSON.stringify(found));
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  check().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
