import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createPipeDecoder, openPipe, PIPE_HEADER_BYTES, PIPE_LIMITS, type Pipe, PipeError, PipeKind } from "./pipe.js";

function encode(kind: number, bytes: Uint8Array): Buffer {
  const header = Buffer.alloc(PIPE_HEADER_BYTES);
  header.writeUInt32BE(bytes.length, 0);
  header[4] = kind;
  return Buffer.concat([header, bytes]);
}

function decodeAll(chunks: readonly Uint8Array[]): { kind: number; bytes: string }[] {
  const frames: { kind: number; bytes: string }[] = [];
  const decode = createPipeDecoder((kind, bytes) => frames.push({ kind, bytes: Buffer.from(bytes).toString("hex") }));
  for (const chunk of chunks) decode(chunk);
  return frames;
}

describe("pipe decoder", () => {
  it("gives the same frames however the bytes are cut", () => {
    const frame = fc.record({ kind: fc.constantFrom(0, 1), bytes: fc.uint8Array({ maxLength: 40 }) });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (frames, cuts) => {
        const stream = Buffer.concat(frames.map(({ kind, bytes }) => encode(kind, bytes)));
        const chunks: Uint8Array[] = [];
        for (let start = 0, i = 0; start < stream.length; i++) {
          const size = cuts[i % cuts.length] ?? 1;
          chunks.push(stream.subarray(start, start + size));
          start += size;
        }
        expect(decodeAll(chunks)).toEqual(frames.map(({ kind, bytes }) => ({ kind, bytes: Buffer.from(bytes).toString("hex") })));
      }),
    );
  });

  it("does not copy a frame that arrives whole", () => {
    const chunk = encode(PipeKind.wire, new Uint8Array([1, 2, 3]));
    let seen: Uint8Array | undefined;
    createPipeDecoder((_kind, bytes) => {
      seen = bytes;
    })(chunk);
    expect(seen?.buffer).toBe(chunk.buffer);
  });

  it("refuses a length above the bound of its kind before any byte of it arrives", () => {
    const header = Buffer.alloc(PIPE_HEADER_BYTES);
    header.writeUInt32BE(PIPE_LIMITS.wire_bytes_max + 1, 0);
    header[4] = PipeKind.wire;
    expect(() => decodeAll([header])).toThrow(expect.objectContaining({ code: "oversized" }));
    header.writeUInt32BE(PIPE_LIMITS.control_bytes_max + 1, 0);
    header[4] = PipeKind.control;
    expect(() => decodeAll([header])).toThrow(expect.objectContaining({ code: "oversized" }));
  });

  it("refuses a kind it does not know", () => {
    expect(() => decodeAll([encode(7, new Uint8Array())])).toThrow(expect.objectContaining({ code: "unknown_kind" }));
  });
});

const open: { destroy(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.destroy();
});

async function socketPair(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const near = connect(address.port, "127.0.0.1");
  const [far] = (await once(server, "connection")) as [Socket];
  server.close();
  open.push(near, far);
  return [near, far];
}

const message = z.object({ text: z.string() });
type Message = z.infer<typeof message>;

interface End {
  readonly pipe: Pipe<Message>;
  readonly controls: Message[];
  readonly wires: Uint8Array[];
  readonly closed: Promise<PipeError | undefined>;
  received(): Promise<void>;
}

function openEnd(socket: Socket): End {
  const controls: Message[] = [];
  const wires: Uint8Array[] = [];
  let wake: () => void = () => undefined;
  let onClose: (error: PipeError | undefined) => void = () => undefined;
  const closed = new Promise<PipeError | undefined>((resolve) => {
    onClose = resolve;
  });
  const pipe = openPipe<Message, Message>(socket, {
    parse: (value) => message.parse(value),
    onControl: (control) => {
      controls.push(control);
      wake();
    },
    onWire: (frame) => {
      wires.push(frame);
      wake();
    },
    onClose,
  });
  const received = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  return { pipe, controls, wires, closed, received };
}

describe("pipe", () => {
  it("carries control messages and wire frames in order, large ones too", async () => {
    const [near, far] = await socketPair();
    const sender = openEnd(near);
    const receiver = openEnd(far);
    const large = new Uint8Array(1_000_000).fill(9);
    sender.pipe.sendControl({ text: "ä" });
    sender.pipe.sendWire(new Uint8Array([1, 2, 3]));
    sender.pipe.sendWire(large);
    sender.pipe.sendWire(new Uint8Array([5]));
    while (receiver.wires.length < 3) await receiver.received();
    expect(receiver.controls).toEqual([{ text: "ä" }]);
    expect(receiver.wires.map((wire) => wire.length)).toEqual([3, 1_000_000, 1]);
    expect([...(receiver.wires[0] ?? [])]).toEqual([1, 2, 3]);
  });

  it("makes the writer wait while the reader is paused, and loses nothing", async () => {
    const [near, far] = await socketPair();
    const sender = openEnd(near);
    const receiver = openEnd(far);
    receiver.pipe.pause();
    let sent = 0;
    while (!sender.pipe.congested || sent < 200) {
      sender.pipe.sendWire(new Uint8Array(64 * 1024).fill(sent));
      sent++;
    }
    let isDrained = false;
    const drained = sender.pipe.drained().then(() => {
      isDrained = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isDrained).toBe(false);
    receiver.pipe.resume();
    await drained;
    while (receiver.wires.length < sent) await receiver.received();
    expect(receiver.wires.map((wire) => wire[0])).toEqual(Array.from({ length: sent }, (_, i) => i & 0xff));
  });

  it("lets a waiting writer go when the peer is gone, and ignores what is written after", async () => {
    const [near, far] = await socketPair();
    const sender = openEnd(near);
    far.pause();
    while (!sender.pipe.congested) sender.pipe.sendWire(new Uint8Array(256 * 1024));
    const drained = sender.pipe.drained();
    far.destroy();
    await drained;
    expect(await sender.closed).toBeUndefined();
    sender.pipe.sendControl({ text: "late" });
  });

  it.each([
    ["JSON that does not parse", Buffer.from("{")],
    ["JSON of another shape", Buffer.from("{}")],
    ["bytes that are not UTF-8", Buffer.from([0xff])],
  ])("closes on %s", async (_name, bytes) => {
    const [near, far] = await socketPair();
    const receiver = openEnd(far);
    near.write(encode(PipeKind.control, bytes));
    expect((await receiver.closed)?.code).toBe("malformed");
    expect(receiver.controls).toEqual([]);
  });

  it("refuses to send a frame above the bound", async () => {
    const [near] = await socketPair();
    const { pipe } = openEnd(near);
    expect(() => pipe.sendWire(new Uint8Array(PIPE_LIMITS.wire_bytes_max + 1))).toThrow(PipeError);
  });
});
