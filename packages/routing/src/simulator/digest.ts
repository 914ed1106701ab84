/** A running digest of numbers, to tell whether two runs decided alike; not for secrets. MurmurHash3's mixing steps, twice 32 bits. */
export class Digest {
  #low = 0x2c1b3c6d;
  #high = 0x297a2d39;

  add(value: number): void {
    const whole = Math.floor(value);
    const bits = whole ^ Math.floor((value - whole) * 0x7fffffff) ^ Math.floor(whole / 2 ** 32);
    this.#low = mix(this.#low, bits);
    this.#high = mix(this.#high, bits ^ this.#low);
  }

  /** Sixteen hexadecimal digits. */
  get hex(): string {
    return hex32(this.#high) + hex32(this.#low);
  }
}

function mix(state: number, value: number): number {
  let scrambled = Math.imul(value, 0xcc9e2d51);
  scrambled = Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b873593);
  const next = state ^ scrambled;
  return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}

function hex32(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
