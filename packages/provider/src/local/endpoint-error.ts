/** Why an endpoint could not be opened. The message is for the machine's owner and says what to do. */
export class EndpointError extends Error {
  override readonly name = "EndpointError";
  constructor(
    readonly code: "already_started" | "local_address" | "local_key",
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
