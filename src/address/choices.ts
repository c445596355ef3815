// Parameters of an address that are one of a few words, or a number.
import { AddressProblem } from './parameters.js';

/** The value, or the first choice without one. */
export function oneOf<T extends string>(
  given: ReadonlyMap<string, string>,
  name: string,
  choices: readonly [T, ...T[]],
): T {
  const value = given.get(name);
  if (!value) return choices[0];
  const choice = choices.find((each) => each === value);
  if (choice === undefined) throw new AddressProblem(`${name}: expected one of ${choices.join(', ')}`);
  return choice;
}

export function secondsOf(given: ReadonlyMap<string, string>, name: string): number | undefined {
  const value = given.get(name);
  if (!value) return undefined;
  if (!/^\d{1,6}$/.test(value)) throw new AddressProblem(`${name}: expected a whole number of seconds`);
  return Number(value);
}
