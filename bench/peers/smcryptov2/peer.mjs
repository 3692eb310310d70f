// sm-crypto-v2 in the line protocol of the peers (see ../README.md).
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { sm2, sm3, sm4 } from "sm-crypto-v2";

const bytes = (hex) => Uint8Array.from(Buffer.from(hex, "hex"));
const hex = (array) => Buffer.from(array).toString("hex");
const name = (given) => Buffer.from(given, "hex").toString("utf8");

class Refused extends Error {}

function require(good) {
  if (!good) throw new Refused();
  return "";
}

const C1C3C2 = 1;
const der = { asn1: true };

const verbs = {
  sign: (key, id, message) => {
    const publicKey = sm2.getPublicKeyFromPrivateKey(key);
    const options = { der: true, hash: true, publicKey, userId: name(id) };
    return sm2.doSignature(bytes(message), key, options);
  },
  verify: (point, id, message, signature) => {
    const options = { der: true, hash: true, userId: name(id) };
    return require(sm2.doVerifySignature(bytes(message), signature, point, options));
  },
  encrypt: (point, text) => sm2.doEncrypt(bytes(text), point, C1C3C2, der),
  decrypt: (key, sealed) => {
    const found = sm2.doDecrypt(sealed, key, C1C3C2, { ...der, output: "array" });
    // It gives nothing back, rather than an error, when C3 differs.
    require(found.length);
    return hex(found);
  },
  sm3: (data) => sm3(bytes(data)),
  hmac: (key, data) => sm3(bytes(data), { key: bytes(key), mode: "hmac" }),
  sm4_cbc_encrypt: (key, iv, data) =>
    hex(sm4.encrypt(bytes(data), key, { mode: "cbc", iv, padding: "pkcs#7", output: "array" })),
  sm4_cbc_decrypt: (key, iv, data) =>
    hex(sm4.decrypt(bytes(data), key, { mode: "cbc", iv, padding: "pkcs#7", output: "array" })),
  sm4_gcm_seal: (key, iv, data, associatedData) => {
    const options = { mode: "gcm", iv, associatedData, outputTag: true, output: "array" };
    const { output, tag } = sm4.encrypt(bytes(data), key, { ...options, padding: "none" });
    return hex(output) + (typeof tag === "string" ? tag : hex(tag));
  },
  sm4_gcm_open: (key, iv, sealed, associatedData) => {
    const tag = sealed.slice(-32);
    const options = { mode: "gcm", iv, associatedData, tag, output: "array", padding: "none" };
    return hex(sm4.decrypt(bytes(sealed.slice(0, -32)), key, options));
  },
};

function operations() {
  const { privateKey, publicKey } = sm2.generateKeyPairHex();
  const message = new Uint8Array(32);
  const signing = { der: true, hash: true, publicKey };
  const signature = sm2.doSignature(message, privateKey, signing);
  // A point prepared once is this library's way to be fast.
  const point = sm2.precomputePublicKey(publicKey);
  const sealed = sm2.doEncrypt(message, publicKey, C1C3C2, der);
  const mib = new Uint8Array(1 << 20);
  const key = "00".repeat(16);
  return {
    sm2_keygen: () => sm2.generateKeyPairHex(),
    sm2_sign: () => sm2.doSignature(message, privateKey, signing),
    sm2_verify: () => sm2.doVerifySignature(message, signature, publicKey, { ...signing }),
    sm2_encrypt: () => sm2.doEncrypt(message, point, C1C3C2, der),
    sm2_decrypt: () => sm2.doDecrypt(sealed, privateKey, C1C3C2, { ...der, output: "array" }),
    sm3_1048576: () => sm3(mib),
    sm4_gcm_1048576: () =>
      sm4.encrypt(mib, key, { mode: "gcm", iv: "00".repeat(12), outputTag: true, output: "array" }),
    sm4_cbc_1048576: () => sm4.encrypt(mib, key, { mode: "cbc", iv: key, output: "array" }),
  };
}

let times;

function timed(what, count) {
  times ??= operations();
  const call = times[what];
  if (!call) return "missing no such operation";
  const begun = process.cpuUsage();
  for (let index = 0; index < count; index++) call();
  const spent = process.cpuUsage(begun);
  return `ok ${(spent.user + spent.system) / 1e6}`;
}

function answer(line) {
  const [verb, ...words] = line.trim().split(/\s+/);
  if (verb === "hello") {
    const about = readFileSync(new URL("./package-lock.json", import.meta.url));
    const version = JSON.parse(about).packages["node_modules/sm-crypto-v2"].version;
    return `ok sm-crypto-v2 ${version} (Node ${process.version})`;
  }
  if (verb === "time") return timed(words[0], Number(words[1]));
  if (!verbs[verb]) return "missing no such verb";
  try {
    return `ok ${verbs[verb](...words.map((word) => (word === "-" ? "" : word))) || "-"}`;
  } catch (error) {
    return `refused ${error.constructor.name}`;
  }
}

for await (const line of createInterface({ input: process.stdin })) console.log(answer(line));
