import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatUsd, parseUsd } from "./money.js";

describe("amounts of USD", () => {
  it("are read back as they were written, to the last digit", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 999_999_999_999_999n }), (amount_microUsd) => {
        const text = formatUsd(amount_microUsd);
        expect(parseUsd(text)).toBe(amount_microUsd);
        // Fewer decimals are the same amount, as long as none is lost.
        expect(parseUsd(text.replace(/\.?0+$/, ""))).toBe(text.endsWith("000000") || /\.\d*[1-9]/.test(text) ? amount_microUsd : undefined);
      }),
    );
  });

  it("are not anything else: what is read has the one form, and reads as the number that it says", () => {
    const texts = fc.oneof(fc.string(), fc.double().map(String), fc.stringMatching(/^[-+ .,0-9eNaInfity]{0,12}$/));
    fc.assert(
      fc.property(texts, (text) => {
        const amount_microUsd = parseUsd(text);
        expect(amount_microUsd !== undefined).toBe(/^\d{1,9}(\.\d{1,6})?$/.test(text));
        if (amount_microUsd !== undefined) expect(Number(amount_microUsd) / 1_000_000).toBeCloseTo(Number(text), 6);
      }),
    );
  });

  it.each(["NaN", "Infinity", "1e3", "-1", "+1", "", " 1", "1 ", "1.", ".5", "0.0000001", "1234567890", "1,5", "٣"])(
    "are not %j",
    (text) => {
      expect(parseUsd(text)).toBeUndefined();
    },
  );
});
