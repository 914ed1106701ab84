/** A value that is there at once (native) or later (WebCrypto). `await` takes both. */
export type MaybePromise<T> = T | Promise<T>;

/** Runs `next` on the value: at once if the value is there, else when it comes. */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => U): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
