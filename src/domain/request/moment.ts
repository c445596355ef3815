// Moments that the database can hold and print back: the years 1 to 9999.
const EARLIEST = Date.parse('0001-01-01T00:00:00.000Z');
const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

export function isStorableMoment(moment: Date): boolean {
  return moment.getTime() >= EARLIEST && moment.getTime() <= LATEST;
}

/** The nearest moment the database can hold; nothing was ever written beyond these ends. */
export function storableMoment(moment: Date): Date {
  return new Date(Math.min(Math.max(moment.getTime(), EARLIEST), LATEST));
}
