// Loaded before a program (`node --import`): its wall clock is as many milliseconds off as the file in UMBEL_TEST_CLOCK says at that moment.
import { readFileSync } from "node:fs";

const file = process.env["UMBEL_TEST_CLOCK"];
const OwnDate = Date;
const offset_ms = () => (file === undefined ? 0 : Number(readFileSync(file, "utf8")));
globalThis.Date = class extends OwnDate {
  constructor(...args) {
    super(...(args.length === 0 ? [OwnDate.now() + offset_ms()] : args));
  }
  static now() {
    return OwnDate.now() + offset_ms();
  }
};
