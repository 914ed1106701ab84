import type { ByteSource } from "./byte-source.js";
import { GgufError } from "./gguf-error.js";
import { GGUF_LIMITS } from "./limits.js";

/** Strings that are no UTF-8 keep a replacement character; vocabularies hold such bytes, names must not matter that much. */
const utf8 = new TextDecoder();

/** Reads a header from front to back, little endian, through one window; never holds more of the file than that window. */
export class HeaderReader {
  readonly #source: ByteSource;
  #window: DataView = new DataView(new ArrayBuffer(0));
  /** Place of the window's first byte in the file. */
  #start = 0;
  /** Place of the next byte within the window. */
  #at = 0;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Place of the next byte in the file. */
  get position(): number {
    return this.#start + this.#at;
  }

  get remaining_bytes(): number {
    return this.#source.size_bytes - this.position;
  }

  async uint8(): Promise<number> {
    await this.#need(1);
    return this.#window.getUint8(this.#advance(1));
  }

  async int8(): Promise<number> {
    await this.#need(1);
    return this.#window.getInt8(this.#advance(1));
  }

  async uint16(): Promise<number> {
    await this.#need(2);
    return this.#window.getUint16(this.#advance(2), true);
  }

  async int16(): Promise<number> {
    await this.#need(2);
    return this.#window.getInt16(this.#advance(2), true);
  }

  async uint32(): Promise<number> {
    await this.#need(4);
    return this.#window.getUint32(this.#advance(4), true);
  }

  async int32(): Promise<number> {
    await this.#need(4);
    return this.#window.getInt32(this.#advance(4), true);
  }

  async float32(): Promise<number> {
    await this.#need(4);
    return this.#window.getFloat32(this.#advance(4), true);
  }

  async float64(): Promise<number> {
    await this.#need(8);
    return this.#window.getFloat64(this.#advance(8), true);
  }

  /** The nearest number; whoever needs an exact count checks that it is a safe integer. */
  async uint64(): Promise<number> {
    await this.#need(8);
    return Number(this.#window.getBigUint64(this.#advance(8), true));
  }

  async int64(): Promise<number> {
    await this.#need(8);
    return Number(this.#window.getBigInt64(this.#advance(8), true));
  }

  /** @throws GgufError `too_large` for a string above the limit */
  async string(bytes_max: number): Promise<string> {
    const length = await this.#stringLength();
    if (length > bytes_max) throw new GgufError("too_large", `a text of ${length} bytes stands where at most ${bytes_max} may`);
    await this.#need(length);
    const from = this.#advance(length);
    return utf8.decode(new Uint8Array(this.#window.buffer, this.#window.byteOffset + from, length));
  }

  async skip(bytes: number): Promise<void> {
    if (bytes > this.remaining_bytes) throw truncated();
    const inWindow = Math.min(bytes, this.#window.byteLength - this.#at);
    this.#at += inWindow;
    if (bytes > inWindow) {
      this.#start = this.position + (bytes - inWindow);
      this.#at = 0;
      this.#window = new DataView(new ArrayBuffer(0));
    }
    this.#assertBounded();
  }

  /** Passes over texts one after the other: a vocabulary has a quarter of a million. */
  async skipStrings(count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      if (this.#window.byteLength - this.#at >= 8) {
        const length = this.#window.getUint32(this.#at, true);
        const isShort = this.#window.getUint32(this.#at + 4, true) === 0;
        if (isShort && this.#window.byteLength - this.#at - 8 >= length) {
          this.#at += 8 + length;
          continue;
        }
      }
      await this.skip(await this.#stringLength());
    }
    this.#assertBounded();
  }

  async #stringLength(): Promise<number> {
    const length = await this.uint64();
    if (length > this.remaining_bytes) throw truncated();
    return length;
  }

  #advance(bytes: number): number {
    const from = this.#at;
    this.#at += bytes;
    return from;
  }

  async #need(bytes: number): Promise<void> {
    if (this.#window.byteLength - this.#at >= bytes) return;
    if (bytes > this.remaining_bytes) throw truncated();
    this.#assertBounded();
    const position = this.position;
    const wanted = Math.min(Math.max(bytes, GGUF_LIMITS.window_bytes), this.#source.size_bytes - position);
    const read = await this.#source.read(position, wanted);
    if (read.length < bytes) throw truncated();
    this.#start = position;
    this.#at = 0;
    this.#window = new DataView(read.buffer, read.byteOffset, read.byteLength);
  }

  #assertBounded(): void {
    if (this.position > GGUF_LIMITS.header_bytes_max) throw new GgufError("too_large", "the header is larger than that of any model");
  }
}

function truncated(): GgufError {
  return new GgufError("truncated", "the file ends before its header does");
}
