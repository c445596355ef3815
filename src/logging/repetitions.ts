// What may happen many times at once is told once, and then counted.

/** The first of a kind is told at once, those of the following period as one number. */
export class Repetitions {
  readonly #periodMs: number;
  readonly #again = new Map<string, number>();

  constructor(periodMs: number) {
    this.#periodMs = periodMs;
  }

  /** How many kinds are counted now. */
  get size(): number {
    return this.#again.size;
  }

  has(kind: string): boolean {
    return this.#again.has(kind);
  }

  note(kind: string, first: () => void, repeated: (again: number) => void): void {
    const count = this.#again.get(kind);
    this.#again.set(kind, count === undefined ? 0 : count + 1);
    if (count !== undefined) return;
    first();
    setTimeout(() => {
      const again = this.#again.get(kind) ?? 0;
      this.#again.delete(kind);
      if (again > 0) repeated(again);
    }, this.#periodMs).unref();
  }
}
