import path from "node:path";
import { z } from "zod";

/** As text, which options and the environment give, or as the file has it. */
export const wholeNumber = (least: number, most: number) =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,7}$/, "must be a whole number")
        .transform(Number),
    ])
    .pipe(z.number().int("must be a whole number").min(least).max(most));
export const decimalFrom = (least: number, most: number) =>
  z
    .union([
      z.number(),
      z
        .string()
        .regex(/^\d{1,6}(?:\.\d{1,6})?$/, "must be a number")
        .transform(Number),
    ])
    .pipe(z.number().min(least).max(most));
export const decimal = (most: number) => decimalFrom(0, most).refine((value) => value > 0, { error: "must be more than 0" });
export const absolutePath = z.string().refine((value) => path.isAbsolute(value), { error: "must be an absolute path" });
export const yesOrNo = z.union([
  z.boolean(),
  z.enum(["true", "false", "1", "0", "yes", "no"]).transform((text) => ["true", "1", "yes"].includes(text)),
]);
export const listOfText = z.union([
  z.array(z.string()),
  z.string().transform((text) => text.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))),
]);

export interface SettingForm<T extends z.ZodType = z.ZodType> {
  /** Section and key in the file. */
  readonly key: string;
  /** Option of `umbel provider start`, as commander names it; absent where there is none. */
  readonly option?: string;
  readonly env: string;
  readonly schema: T;
  readonly fallback?: z.output<T>;
  readonly about: string;
}
