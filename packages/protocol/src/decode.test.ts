import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeFromCoordinator, decodeFromProvider } from "./decode.js";
import { SELF_REPORTED_MAX, WIRE_LIMITS } from "./limits.js";
import { fromCoordinator } from "./messages/from-coordinator.js";
import { fromProvider } from "./messages/from-provider.js";

interface Fixture {
  name: string;
  wire: { type: string } & Record<string, unknown>;
  /** What a reader gets, where it differs from what was sent. */
  decoded?: Record<string, unknown>;
}
const load = (name: string): Fixture[] => JSON.parse(readFileSync(new URL(`./messages/fixtures/${name}.json`, import.meta.url), "utf8"));

const sides = [
  { side: "provider", fixtures: load("from-provider"), decode: decodeFromProvider, schema: fromProvider },
  { side: "coordinator", fixtures: load("from-coordinator"), decode: decodeFromCoordinator, schema: fromCoordinator },
];

const fixture = (name: string): Fixture["wire"] => {
  const found = sides.flatMap(({ fixtures }) => fixtures).find((one) => one.name === name);
  if (!found) throw new Error(`no fixture ${name}`);
  return structuredClone(found.wire);
};

describe.each(sides)("messages from a $side", ({ fixtures, decode, schema }) => {
  it("have a fixture each", () => {
    const types = schema.options.map((option) => option.shape.type.value);
    expect(new Set(fixtures.map(({ wire }) => wire.type))).toEqual(new Set(types));
  });

  it.each(fixtures)("$name", ({ wire, decoded = wire }) => {
    expect(decode(JSON.stringify(wire))).toEqual({ ok: true, message: decoded });
  });

  it.each(fixtures)("are the same after a second passage: $name", ({ wire }) => {
    const first = decode(JSON.stringify(wire));
    if (!first.ok) throw new Error("fixture does not decode");
    expect(decode(JSON.stringify(first.message))).toEqual(first);
  });

  it.each(fixtures)("lose fields of a later version: $name", ({ wire, decoded = wire }) => {
    const text = JSON.stringify({ ...wire, later_field: { deep: [1] } }).replace(/}$/, ',"__proto__":{"polluted":true}}');
    expect(decode(text)).toEqual({ ok: true, message: decoded });
  });

  it.each(fixtures)("take null for nothing, neither absent nor zero: $name", ({ wire }) => {
    for (const field of Object.keys(wire).filter((key) => key !== "type")) {
      expect(decode(JSON.stringify({ ...wire, [field]: null }))).toEqual({ ok: false, reason: "malformed", messageType: wire.type, field });
    }
  });

  it("of an unknown type are named as such, whatever else they hold", () => {
    expect(decode('{"type":"dance","model_id":"b"}')).toEqual({ ok: false, reason: "unknown_type", messageType: "dance" });
  });

  it.each([
    "",
    "{",
    "null",
    "[]",
    '"text"',
    "1",
    "{}",
    '{"type":1}',
    '{"type":null}',
    '{"type":"Not A Type"}',
    '{"type":"toString"}',
    `{"type":"${"a".repeat(65)}"}`,
  ])("are malformed as %j", (text) => {
    expect(decode(text)).toEqual({ ok: false, reason: "malformed" });
  });

  it("may be as large as the limit and not one byte more, in bytes and not in characters", () => {
    const bytes_max = WIRE_LIMITS.controlMessage_bytes_max;
    const [{ wire, decoded = wire } = { wire: { type: "" } }] = fixtures;
    const padded = (unit: string, length: number): string => {
      const empty = JSON.stringify({ ...wire, padding: "" });
      const room = length - empty.length;
      const padding = unit.repeat(Math.floor(room / Buffer.byteLength(unit))) + "x".repeat(room % Buffer.byteLength(unit));
      return JSON.stringify({ ...wire, padding });
    };
    for (const unit of ["x", "é", "€", "🌱"]) {
      expect(decode(padded(unit, bytes_max))).toEqual({ ok: true, message: decoded });
      expect(decode(padded(unit, bytes_max + 1))).toEqual({ ok: false, reason: "too_large" });
    }
  });

  it("never make the reader throw", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.constantFrom(...fixtures).map(({ wire }) => JSON.stringify(wire).slice(0, -1)),
        ),
        (text) => {
          expect(decode(text).ok).toBe(false);
        },
      ),
    );
  });
});

describe("what a message may hold", () => {
  it("keeps absent, false and zero apart", () => {
    const [model] = fixture("register, every field")["models"] as Record<string, unknown>[];
    const read = (template_render_ok?: boolean) => {
      const decoded = decodeFromProvider(
        JSON.stringify({ ...fixture("register, every field"), models: [{ ...model, template_render_ok }] }),
      );
      if (!decoded.ok || decoded.message.type !== "register") throw new Error("does not decode");
      return decoded.message.models[0];
    };
    expect(read()).not.toHaveProperty("template_render_ok");
    expect(read(true)).toHaveProperty("template_render_ok", true);
    expect(read(false)).toHaveProperty("template_render_ok", false);
  });

  it.each([
    ["register, every field", "protocol", 2],
    ["register, every field", "encryption_key", "not base64"],
    ["register, every field", "device_key", { kty: "EC", crv: "P-384", x: "A".repeat(43), y: "A".repeat(43) }],
    ["register, every field", "device_key", { kty: "EC", crv: "P-256", x: "A".repeat(44), y: "A".repeat(43) }],
    ["register, every field", "attestation", "a".repeat(WIRE_LIMITS.registrationJws_bytes_max + 1)],
    ["register, every field", "auth_token", "a".repeat(257)],
    ["register, every field", "version", "a".repeat(257)],
    ["register, every field", "decode_tps", "fast"],
    ["heartbeat, every field", "status", "untrusted"],
    ["heartbeat, every field", "stats", { requests_served: -1, tokens_generated: 0 }],
    ["heartbeat, every field", "stats", { requests_served: 2 ** 53, tokens_generated: 0 }],
    ["heartbeat, every field", "stats", { requests_served: 0.5, tokens_generated: 0 }],
    ["inference_accepted", "request_id", "6C84FB90-12C4-41E1-840D-7F6B0D1E2A4F"],
    ["inference_accepted", "request_id", "not a uuid"],
    ["inference_accepted", "response_nonce", "AAECAwQFBgcICQoLDA0O"],
    ["inference_complete", "receipt", "a".repeat(WIRE_LIMITS.jws_bytes_max + 1)],
    ["inference_complete", "finish_reason", "error"],
    ["inference_error with detail", "error_class", "because"],
    ["attestation_response", "nonce", "AAECAwQFBgcICQoLDA0ODw=="],
  ])("%s refuses %s %j", (name, field, value) => {
    const { type } = fixture(name);
    const text = JSON.stringify({ ...fixture(name), [field]: value });
    expect(decodeFromProvider(text)).toEqual({ ok: false, reason: "malformed", messageType: type, field });
  });

  it.each([
    ["inference_request", "suite", "x25519-sha256-xor"],
    ["inference_request", "wrap", { enc: "AAAA", ct: "AAAA" }],
    ["inference_request", "max_output_tokens", -1],
    ["attestation_challenge", "nonce", "AAECAwQFBgcICQoLDA0ODw=="],
    ["attestation_challenge", "timestamp", "yesterday"],
    ["attestation_challenge", "timestamp", "2026-01-01T00:00:00+01:00"],
    ["trust_status", "trust_level", "absolute"],
  ])("%s refuses %s %j", (name, field, value) => {
    const { type } = fixture(name);
    const text = JSON.stringify({ ...fixture(name), [field]: value });
    expect(decodeFromCoordinator(text)).toEqual({ ok: false, reason: "malformed", messageType: type, field });
  });

  it("has limits on how many models, slots and reasons a provider may list", () => {
    const register = fixture("register, every field");
    const heartbeat = fixture("heartbeat, every field");
    const [model] = register["models"] as unknown[];
    const { slots, ...capacity } = heartbeat["capacity"] as { slots: unknown[] };
    const withModels = (length: number) => decodeFromProvider(JSON.stringify({ ...register, models: new Array(length).fill(model) }));
    const withSlots = (length: number) =>
      decodeFromProvider(JSON.stringify({ ...heartbeat, capacity: { ...capacity, slots: new Array(length).fill(slots[0]) } }));
    expect(withModels(WIRE_LIMITS.advertisedModels_max).ok).toBe(true);
    expect(withModels(WIRE_LIMITS.advertisedModels_max + 1)).toMatchObject({ ok: false, field: "models" });
    expect(withModels(0).ok).toBe(true);
    expect(withSlots(WIRE_LIMITS.slots_max).ok).toBe(true);
    expect(withSlots(WIRE_LIMITS.slots_max + 1)).toMatchObject({ ok: false, field: "capacity" });
    const resting = (length: number) =>
      decodeFromProvider(JSON.stringify({ ...heartbeat, rest_reasons: new Array(length).fill("paused") }));
    expect(resting(WIRE_LIMITS.restReasons_max).ok).toBe(true);
    expect(resting(WIRE_LIMITS.restReasons_max + 1)).toMatchObject({ ok: false, field: "rest_reasons" });
  });

  it("clamps a figure too large even for JSON's numbers, instead of refusing the message", () => {
    const text = JSON.stringify({ ...fixture("register, every field"), decode_tps: "HUGE" }).replace('"HUGE"', "1e999");
    expect(decodeFromProvider(text)).toMatchObject({ ok: true, message: { decode_tps: SELF_REPORTED_MAX.decode_tps } });
  });
});
