// The timestamps that the database can store and return unchanged: the years 1 to 9999.
const EARLIEST = Date.parse('0001-01-01T00:00:00.000Z');
const LATEST = Date.parse('9999-12-31T23:59:59.999Z');

export function isStorableMoment(moment: Date): boolean {
  return moment.getTime() >= EARLIEST && moment.getTime() <= LATEST;
}

/**
 * The nearest timestamp that the database can store. Clamping a filter is safe, because nothing was ever written
 * outside this range.
 */
export function storableMoment(moment: Date): Date {
  return new Date(Math.min(Math.max(moment.getTime(), EARLIEST), LATEST));
}
