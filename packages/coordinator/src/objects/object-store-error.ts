/** What is wrong: the address, the credentials that are there or lack, the way there, or what was asked. */
export type ObjectStoreProblem = "place" | "credentials" | "forbidden" | "unreachable" | "refused";

export class ObjectStoreError extends Error {
  override readonly name = "ObjectStoreError";

  constructor(
    readonly problem: ObjectStoreProblem,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
