/** A module that is loaded when it is first needed, or when there is nothing else to do. */
export class Later<T> {
  private readonly fetch: () => Promise<T>;
  private promise: Promise<T> | undefined;

  constructor(fetch: () => Promise<T>) {
    this.fetch = fetch;
  }

  /** The module; asked for again where that has failed. */
  load(): Promise<T> {
    this.promise ??= this.fetch().catch((error: unknown) => {
      this.promise = undefined;
      throw error;
    });
    return this.promise;
  }
}
