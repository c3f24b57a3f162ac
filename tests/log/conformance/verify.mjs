// A second verifier of exported copies and zip files of proofs, written from
// docs/log-format.md alone: it shares no code and no language with verify.py, so that
// a mistake in one of them, or in the document, shows as a disagreement.
//
//   node verify.mjs [--vkey KEY] FILE...
//
// One line of JSON a file, {"ok": ..., "bad": [...], "entries": ..., "erased": ...}.
// Nothing but Node.js itself: no packages. It stops at the first thing that is wrong.

import { createHash, createPublicKey, verify as ed25519 } from "node:crypto";
import { readFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";

class Bad extends Error {}

/** Stop unless something is so. */
function must(condition, problem) {
  if (!condition) throw new Bad(problem);
}

// --- bytes -----------------------------------------------------------------

const sha256 = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const utf8 = (bytes, what) => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Bad(`${what}: not UTF-8`);
  }
};

/** Decode base64 as the document has it: one text for each sequence of bytes. */
function base64(text, length, what) {
  must(typeof text === "string", `${what}: not a text`);
  const bytes = Buffer.from(text, "base64");
  must(bytes.toString("base64") === text, `${what}: not base64`);
  must(length === null || bytes.length === length, `${what}: not ${length} bytes`);
  return bytes;
}

const be8 = (n) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(n));
  return bytes;
};

/** Read little-endian, as the integers of Ed25519 are. */
const little = (bytes) => BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);

// --- JSON ------------------------------------------------------------------

/**
 * Parse one JSON text. The writers are canonical but for the order of keys, so what
 * does not come out again byte for byte (spaces, a key twice, 1.0, 1e3, an integer
 * that Number cannot hold) is not theirs.
 */
function parse(text, what) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Bad(`${what}: not JSON`);
  }
  must(JSON.stringify(value) === text, `${what}: not written as it should be`);
  return value;
}

const isCount = (n) => Number.isSafeInteger(n) && n >= 0 && !Object.is(n, -0);
const isInteger = (n) => Number.isSafeInteger(n) && !Object.is(n, -0);
const isList = Array.isArray;

/** Check that an object has these keys and no other. */
function hasKeys(object, keys, what) {
  must(object !== null && typeof object === "object" && !isList(object), `${what}: not an object`);
  must(Object.keys(object).sort().join() === [...keys].sort().join(), `${what}: its keys`);
}

// --- signed notes ----------------------------------------------------------

const P = 2n ** 255n - 19n;
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** Tell whether the y of an encoded point is below p (the sign of x is its top bit). */
const pointIsReduced = (point) => (little(point) & (2n ** 255n - 1n)) < P;

/** Read `name+hex(key id)+base64(0x01 || public key)`. */
function readKey(vkey) {
  must(typeof vkey === "string", "key: not a text");
  const parts = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/u.exec(vkey);
  must(parts, "key: not a key");
  const [, name, id, encoded] = parts;
  const typed = base64(encoded, 33, "key");
  must(typed[0] === 1, "key: not Ed25519");
  must(sha256(name, "\n", typed).toString("hex", 0, 4) === id, "key: its id is wrong");
  must(pointIsReduced(typed.subarray(1)), "key: not a point");
  const jwk = { kty: "OKP", crv: "Ed25519", x: typed.toString("base64url", 1) };
  return { name, id, public: createPublicKey({ key: jwk, format: "jwk" }) };
}

/** Check a signed checkpoint; return its size and root. */
function readCheckpoint(note, key, what) {
  must(typeof note === "string", `${what}: not a text`);
  const middle = note.indexOf("\n\n");
  must(middle >= 0 && note.endsWith("\n"), `${what}: not a note`);
  const text = note.slice(0, middle + 1);
  let signed = false;
  for (const line of note.slice(middle + 2, -1).split("\n")) {
    const found = /^— ([^+\s]+) (\S+)$/u.exec(line);
    must(found, `${what}: not a line of a signature`);
    const bytes = base64(found[2], null, what);
    must(bytes.length > 4, `${what}: a signature is too short`);
    if (found[1] !== key.name || bytes.toString("hex", 0, 4) !== key.id) continue;
    must(bytes.length === 68, `${what}: a signature has the wrong length`);
    const signature = bytes.subarray(4);
    must(pointIsReduced(signature.subarray(0, 32)), `${what}: R is not reduced`);
    must(little(signature.subarray(32)) < L, `${what}: S is not reduced`);
    must(ed25519(null, Buffer.from(text), key.public, signature), `${what}: bad signature`);
    signed = true;
  }
  must(signed, `${what}: not signed by this log`);
  const lines = text.slice(0, -1).split("\n");
  must(lines.length === 3, `${what}: not a checkpoint`);
  must(lines[0] === key.name, `${what}: of another log`);
  must(/^(0|[1-9][0-9]*)$/.test(lines[1]) && isCount(Number(lines[1])), `${what}: its size`);
  return { size: Number(lines[1]), root: base64(lines[2], 32, what) };
}

// --- the tree --------------------------------------------------------------

const leafHash = (data) => sha256(Buffer.of(0), data);
const nodeHash = (left, right) => sha256(Buffer.of(1), left, right);

/** Compute the root over leaf hashes, straight from RFC 6962, section 2.1. */
function treeRoot(leaves, low = 0, high = leaves.length) {
  if (high === low) return sha256();
  if (high - low === 1) return leaves[low];
  let k = 1;
  while (k * 2 < high - low) k *= 2;
  return nodeHash(treeRoot(leaves, low, low + k), treeRoot(leaves, low + k, high));
}

/** Compute the root that an audit path leads to (RFC 9162, section 2.1.3.2). */
function rootOfPath(leaf, index, size, path) {
  let [at, last, hash] = [BigInt(index), BigInt(size) - 1n, leaf];
  for (const node of path) {
    must(last !== 0n, "the proof is too long");
    if (at & 1n || at === last) {
      hash = nodeHash(node, hash);
      while (!(at & 1n) && at !== 0n) [at, last] = [at >> 1n, last >> 1n];
    } else {
      hash = nodeHash(hash, node);
    }
    [at, last] = [at >> 1n, last >> 1n];
  }
  must(last === 0n, "the proof is too short");
  return hash;
}

/** Compute the root that the leaves of a run lead to, with what is left and right of them. */
function rootOfRun(run, leaves, first, size) {
  const [a, b, end] = [run.start - first, run.stop - first, size].map(BigInt);
  const [left, right, edge] = [[...run.left], [...run.right], []];
  const push = (height, hash) => {
    while (edge.length > 0 && edge.at(-1)[0] === height) {
      hash = nodeHash(edge.pop()[1], hash);
      height += 1n;
    }
    edge.push([height, hash]);
  };
  const next = (hashes) => {
    must(hashes.length > 0, "the proof of a run is too short");
    return base64(hashes.shift(), 32, "a hash of a run");
  };
  for (let bit = 64n; bit >= 0n; bit -= 1n) if ((a >> bit) & 1n) push(bit, next(left));
  for (const leaf of leaves) push(0n, leaf);
  for (let low = b; low < end; ) {
    let height = 0n;
    while (low % (2n << height) === 0n && low + (2n << height) <= end) height += 1n;
    push(height, next(right));
    low += 1n << height;
  }
  must(left.length + right.length === 0, "the proof of a run is too long");
  let root = edge.pop()[1];
  while (edge.length > 0) root = nodeHash(edge.pop()[1], root);
  return root;
}

// --- entries ---------------------------------------------------------------

const TEXT = "text";
const INTEGER = "integer";
const ACTOR = ["actor_kind", "actor", "actor_name"];

/** The fields of each kind after `kind`, `time`, `entered`; `#` marks an integer. */
const KINDS = {
  started: ["version", "clean"],
  stopped: [],
  lock_added: ["lock", "name", "model", "firmware", ...ACTOR],
  lock_removed: ["lock", ...ACTOR],
  lock_cleaned: ["lock", "result", "#codes_left"],
  setting: ["setting", "value", ...ACTOR],
  command: ["lock", "command", ...ACTOR, "grant"],
  outcome: ["lock", "#intent", "result", "detail"],
  found: ["lock", "#intent", "state"],
  access: ["lock", "event", "method", ...ACTOR, "grant", "source", "#lock_index", "lock_time"],
  grant: [
    ...["grant", "event", "lock", "agency", "incident", "reason", "method", "start", "end"],
    ...["detail", ...ACTOR],
  ],
  code: ["code", "event", "lock", "start", "end", "schedule", "#uses", "detail", ...ACTOR],
  holder: ["code", ...ACTOR],
  export: ["purpose", "#entries", "sha256", ...ACTOR],
  restored: ["reason", "origin", "key", "#size", "root", "#held"],
  erased: ["reason", "#first", "#last", "#entries", "#kept", "sha256", ...ACTOR],
  hold: ["hold", "event", "reason", "lock", "since", "until", ...ACTOR],
};
/** What later versions of a kind add. */
const ADDED = { access: ["sealed"] };
const HEAD = ["kind", "time", "entered"];
const PERSON = ["actor", "actor_name"];

/** Name and type of the field at a place; undefined beyond the version that we know. */
function fieldAt(kind, place) {
  const marked = [...HEAD, ...(KINDS[kind] ?? []), ...(ADDED[kind] ?? [])][place];
  if (marked === undefined) return undefined;
  return { name: marked.replace("#", ""), type: marked.startsWith("#") ? INTEGER : TEXT };
}

function checkValue(value, type, what) {
  if (type !== TEXT && typeof value === "number") {
    must(isInteger(value), `${what}: not an integer of a log`);
    return;
  }
  must(typeof value === "string" && type !== INTEGER, `${what}: not of its type`);
  must(!/\p{Surrogate}/u.test(value), `${what}: half a character`);
  must([...value].length <= 500, `${what}: too long`);
}

function checkTime(text, what) {
  must(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text), `${what}: not a time`);
  // Date knows milliseconds only, and takes 31 February for 3 March.
  const date = new Date(`${text.slice(0, 23)}Z`);
  must(!Number.isNaN(date.valueOf()), `${what}: not a time`);
  must(date.toISOString().slice(0, 23) === text.slice(0, 23), `${what}: not a time`);
}

/**
 * Check one line of entries; return the entry: its number, its leaf hash, and, unless it
 * was erased whole, what is disclosed (`fields`) and the names of what is not (`missing`).
 */
function readEntry(text) {
  const line = parse(text, "an entry");
  must(line !== null && isCount(line.seq), "an entry has no number");
  const what = `entry ${line.seq}`;
  if ("leaf" in line) {
    hasKeys(line, ["seq", "leaf"], what);
    return { seq: line.seq, leaf: base64(line.leaf, 32, what), fields: null, missing: [] };
  }
  hasKeys(line, ["seq", "fields"], what);
  must(isList(line.fields) && line.fields.length >= HEAD.length, `${what}: its fields`);

  const kind = isList(line.fields[0]) ? line.fields[0][1] : undefined;
  const known = typeof kind === "string" && Object.hasOwn(KINDS, kind);
  if (known) {
    must(line.fields.length >= HEAD.length + KINDS[kind].length, `${what}: it lacks fields`);
  }
  const fields = {};
  const missing = [];
  const commitments = line.fields.map((item, place) => {
    const wanted = fieldAt(known ? kind : undefined, place);
    if (!isList(item)) {
      missing.push(wanted?.name ?? "");
      return base64(item, 32, what);
    }
    must(item.length === 3 && typeof item[0] === "string", `${what}: a field of it`);
    const [name, value, salt] = item;
    must(!wanted || name === wanted.name, `${what}: a field has another's place`);
    must(!Object.hasOwn(fields, name), `${what}: it has a field twice`);
    checkValue(value, wanted?.type, what);
    if (name === "time" || name === "entered") checkTime(value, what);
    fields[name] = value;
    // Of a text and an integer, or two texts, JSON.stringify is RFC 8785.
    return sha256(base64(salt, 16, what), JSON.stringify([name, value]));
  });
  const leaf = leafHash(Buffer.concat([Buffer.from("sl1"), be8(line.seq), ...commitments]));
  return { seq: line.seq, leaf, fields, missing };
}

/** Split text into lines, each of which ends with a line feed. */
function linesOf(text, what) {
  if (text === "") return [];
  must(text.endsWith("\n"), `${what}: its last line is cut off`);
  return text.slice(0, -1).split("\n");
}

/** Check what a header says of the logs; return them with their keys, sizes and roots. */
function readLogs(logs, vkey) {
  must(isList(logs) && logs.length > 0, "it has no logs");
  const read = logs.map((log) => {
    hasKeys(log, ["first", "origin", "vkey", "size", "checkpoint"], "a log");
    must(isCount(log.first) && isCount(log.size), "a log has no numbers");
    const key = readKey(log.vkey);
    must(key.name === log.origin, "a log is signed with another's key");
    // The database was gone, and the next log began before this one had an entry.
    if (log.size === 0 && log.checkpoint === "") return { ...log, key, root: sha256() };
    const { size, root } = readCheckpoint(log.checkpoint, key, `checkpoint of ${log.origin}`);
    must(size === log.size, "a log has not the size that was signed");
    return { ...log, key, root };
  });
  for (const [i, log] of read.slice(1).entries()) {
    must(log.first >= read[i].first + read[i].size, "logs overlap");
    must(read.every((other) => other === log || other.origin !== log.origin), "a log twice");
  }
  must(vkey === null || read.at(-1).vkey === vkey, "it is signed with another key");
  return read;
}

// --- an exported copy ------------------------------------------------------

function verifyCopy(bytes, vkey) {
  const [first, ...lines] = linesOf(utf8(bytes, "the copy"), "the copy");
  must(first !== undefined, "the copy is empty");
  const header = parse(first, "the header");
  hasKeys(header, ["format", "logs", "erasures"], "the header");
  must(header.format === "smartlock-le/log-export/2", "another format");
  const logs = readLogs(header.logs, vkey);

  const entries = lines.map(readEntry);
  let next = 0;
  for (const log of logs) {
    log.entries = entries.slice(next, next + log.size);
    next += log.size;
    must(log.entries.length === log.size, "entries are missing at the end");
    for (const [i, entry] of log.entries.entries()) {
      must(entry.seq === log.first + i, `entry ${log.first + i} is not in its place`);
    }
    const root = treeRoot(log.entries.map((entry) => entry.leaf));
    must(root.equals(log.root), `the entries of ${log.origin} are not those that were signed`);
  }
  must(next === entries.length, "there are more entries than were signed");

  for (const [i, log] of logs.entries()) {
    if (i > 0 || log.first > 0) checkBegin(log, logs[i - 1], vkey);
  }
  checkErasures(entries, header.erasures);
  return { entries: entries.length, erased: entries.filter((entry) => !entry.fields).length };
}

/** Check that a log begins with an entry that names what was before it. */
function checkBegin(log, before, vkey) {
  const said = log.entries[0]?.fields;
  must(said?.kind === "restored", `${log.origin} does not say why it begins`);
  must(isCount(said.size) && isCount(said.held) && said.held <= said.size, `${log.origin}: held`);
  const named = before?.origin === said.origin && before.vkey === said.key;
  if (said.held === 0 && !named) {
    // The log that it names need not be here; but then nothing vouches for the one that is.
    must(vkey === null || !before?.size, `nothing vouches for the key of ${before?.origin}`);
    return;
  }
  must(named, `${log.origin} names a log that is not before it`);
  must(before.size >= said.held, `${log.origin} says that more entries are here`);
  if (said.held < said.size) return;
  const root = treeRoot(before.entries.slice(0, said.size).map((entry) => entry.leaf));
  must(root.toString("hex") === said.root, `${log.origin} names another root`);
}

/** Check that each body and each field that is gone was erased by an entry that says so. */
function checkErasures(entries, erasures) {
  must(isList(erasures), "erasures: not a list");
  const lists = new Map();
  for (const pair of erasures) {
    must(isList(pair) && pair.length === 2 && pair.every(isCount), "erasures: not pairs");
    lists.set(pair[0], [...(lists.get(pair[0]) ?? []), pair[1]]);
  }
  const ranges = [];
  const lostFields = new Map();
  for (const { seq, fields } of entries) {
    if (fields?.kind !== "erased") continue;
    if (fields.reason === "retention" && fields.entries !== 0) {
      must([fields.first, fields.last, fields.entries].every(isCount), `entry ${seq}: its range`);
      ranges.push({ first: fields.first, last: fields.last, entries: fields.entries, gone: 0 });
    }
    if (fields.reason !== "person") continue;
    const list = (lists.get(seq) ?? []).sort((a, b) => a - b);
    lists.delete(seq);
    const digest = sha256(JSON.stringify(list)).toString("hex");
    must(digest === fields.sha256, `entry ${seq}: the list of what it erased was changed`);
    must(list.length === fields.entries, `entry ${seq}: it erased as many as it says`);
    for (const lost of list) lostFields.set(lost, Math.max(seq, lostFields.get(lost) ?? 0));
  }
  must(lists.size === 0, "erasures: by an entry that erased nothing");
  // Ranges that overlap count together.
  const together = [];
  for (const range of ranges.sort((a, b) => a.first - b.first)) {
    const at = together.at(-1);
    if (at && range.first <= at.last) {
      at.last = Math.max(at.last, range.last);
      at.entries += range.entries;
    } else {
      together.push(range);
    }
  }
  for (const { seq, fields, missing } of entries) {
    if (!fields) {
      const range = together.find(({ first, last }) => first <= seq && seq <= last);
      if (range) range.gone += 1;
      must(range, `entry ${seq}: its body is gone and no entry says why`);
    } else if (missing.length) {
      must(lostFields.get(seq) > seq, `entry ${seq}: fields are gone and no entry says why`);
      must(missing.every((name) => PERSON.includes(name)), `entry ${seq}: other fields are gone`);
    }
  }
  for (const { first, last, entries: said, gone } of together) {
    must(gone <= said, `entries ${first} to ${last}: more bodies are gone than entries say`);
  }
}

// --- a zip file of proofs --------------------------------------------------

function verifyProofs(bytes, vkey) {
  const files = unzip(bytes);
  const take = (name) => {
    must(files.has(name), `${name} is missing`);
    const content = files.get(name);
    files.delete(name);
    return content;
  };
  const header = parse(utf8(take("log.json"), "log.json"), "log.json");
  hasKeys(header, ["format", "logs", "runs"], "log.json");
  must(header.format === "smartlock-le/log-proof/2", "another format");
  const runs = readRuns(header.runs);
  const logs = readLogs(header.logs, vkey);
  const lines = linesOf(utf8(take("entries.jsonl"), "entries.jsonl"), "entries.jsonl");
  let [before, erased] = [-1, 0];
  const used = new Set();
  const names = new Map();
  for (const entry of lines.map(readEntry)) {
    const { seq, leaf, fields } = entry;
    must(seq > before, `entry ${seq} is not in its place`);
    before = seq;
    erased += fields ? 0 : 1;
    const log = logs.find((one) => one.first <= seq && seq < one.first + one.size);
    must(log, `entry ${seq} is in no log`);
    used.add(log);
    if (seq === log.first && fields?.kind === "restored") names.set(log, fields);
    const run = runs.find((one) => one.start <= seq && seq < one.stop);
    if (run) {
      must(seq === run.start + run.leaves.length, `entry ${seq} is not in its place of a run`);
      run.leaves.push(leaf);
      if (seq < run.stop - 1) continue;
      const { size, root } = readCheckpoint(log.checkpoint, log.key, "the log");
      must(run.start >= log.first && run.stop <= log.first + size, "a run of two logs");
      must(rootOfRun(run, run.leaves, log.first, size).equals(root), "a run leads elsewhere");
      continue;
    }
    const what = `the proof of entry ${seq}`;
    const proof = readProof(utf8(take(`proofs/${seq}.tlog-proof`), what), log, what);
    must(proof.index === seq - log.first, `${what}: of another entry`);
    must(proof.index < proof.size, `${what}: its tree is too small`);
    const root = rootOfPath(leaf, proof.index, proof.size, proof.path);
    must(root.equals(proof.root), `${what}: it leads elsewhere`);
  }
  must(
    runs.every((run) => run.leaves.length === run.stop - run.start),
    "a run is not all here",
  );
  // The key of the last log is known, and of each log that is named by one whose key is.
  let known = logs.length - 1;
  while (known > 0) {
    const named = names.get(logs[known]);
    const log = logs[known - 1];
    if (named?.origin !== log.origin || named.key !== log.vkey) break;
    known -= 1;
  }
  for (const log of vkey === null ? [] : logs.slice(0, known)) {
    must(!used.has(log), `nothing vouches for the key of ${log.origin}`);
  }
  return { entries: lines.length, erased };
}

/** Read the runs of log.json. */
function readRuns(runs) {
  must(Array.isArray(runs), "log.json: its runs");
  let before = 0;
  for (const run of runs) {
    hasKeys(run, ["left", "right", "start", "stop"], "a run");
    must(isCount(run.start) && isCount(run.stop), "a run: its numbers");
    must(before <= run.start && run.start < run.stop, "the runs are not in order");
    must(Array.isArray(run.left) && Array.isArray(run.right), "a run: its hashes");
    before = run.stop;
    run.leaves = [];
  }
  return runs;
}

/** Read a C2SP tlog-proof. */
function readProof(text, log, what) {
  const middle = text.indexOf("\n\n");
  must(middle >= 0, `${what}: it has no checkpoint`);
  const [title, indexLine, ...hashes] = text.slice(0, middle).split("\n");
  must(title === "c2sp.org/tlog-proof@v1", `${what}: another format`);
  const found = /^index (0|[1-9][0-9]*)$/.exec(indexLine);
  must(found && isCount(Number(found[1])), `${what}: its index`);
  const path = hashes.map((hash) => base64(hash, 32, what));
  const note = text.slice(middle + 2);
  must(note === log.checkpoint, `${what}: to another checkpoint than the log's`);
  return { index: Number(found[1]), path, ...readCheckpoint(note, log.key, what) };
}

/** Read a zip file without extras (APPNOTE.TXT 6.3, sections 4.3.7, 4.3.12, 4.3.16). */
function unzip(bytes) {
  const u16 = (at) => bytes.readUInt16LE(at);
  const u32 = (at) => bytes.readUInt32LE(at);
  const files = new Map();
  try {
    const end = bytes.length - 22; // no comment
    must(u32(end) === 0x06054b50 && u16(end + 20) === 0, "the zip file has no end");
    let at = u32(end + 16);
    for (let left = u16(end + 10); left > 0; left -= 1) {
      must(u32(at) === 0x02014b50, "the directory of the zip file is damaged");
      const [method, crc, packed, size] = [u16(at + 10), u32(at + 16), u32(at + 20), u32(at + 24)];
      const name = utf8(bytes.subarray(at + 46, at + 46 + u16(at + 28)), "a name");
      const local = u32(at + 42);
      must(u32(local) === 0x04034b50, `${name}: not in its place`);
      const start = local + 30 + u16(local + 26) + u16(local + 28);
      const data = bytes.subarray(start, start + packed);
      must(method === 0 || method === 8, `${name}: packed in another way`);
      const content = method === 8 ? inflateRawSync(data, { maxOutputLength: size + 1 }) : data;
      must(content.length === size && crc32(content) === crc, `${name}: damaged`);
      must(!files.has(name), `${name}: it is there twice`);
      files.set(name, content);
      at += 46 + u16(at + 28) + u16(at + 30) + u16(at + 32);
    }
  } catch (error) {
    if (error instanceof Bad) throw error;
    throw new Bad(`the zip file is damaged: ${error.message}`);
  }
  return files;
}

const CRC = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit += 1) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

// --- the command -----------------------------------------------------------

function verify(path, vkey) {
  const bytes = readFileSync(path);
  try {
    const isZip = bytes.subarray(0, 2).toString("latin1") === "PK";
    return { ok: true, bad: [], ...(isZip ? verifyProofs : verifyCopy)(bytes, vkey) };
  } catch (error) {
    // Anything else is a mistake of ours, and must not pass for a finding.
    if (!(error instanceof Bad)) throw error;
    return { ok: false, bad: [error.message], entries: 0, erased: 0 };
  }
}

const files = process.argv.slice(2);
const vkey = files[0] === "--vkey" ? files.splice(0, 2)[1] : null;
for (const file of files) process.stdout.write(`${JSON.stringify(verify(file, vkey))}\n`);
