// Validators for single configuration variables.
import { availableParallelism } from 'node:os';
import { EnvError, makeValidator } from 'envalid';

export const oneOf = <T extends string>(...choices: T[]) =>
  makeValidator<T>((input) => {
    const choice = choices.find((name) => name === input);
    if (choice === undefined) throw new EnvError(`expected one of ${choices.join(', ')}`);
    return choice;
  });

export const wholeNumber = (min: number, max: number) =>
  makeValidator<number>((input) => {
    const value = /^\d{1,15}$/.test(input) ? Number(input) : Number.NaN;
    if (!(value >= min && value <= max)) throw new EnvError(`expected a whole number from ${min} to ${max}`);
    return value;
  });

const MAX_WORKERS = 64;

export const workers = makeValidator<number>((input) => {
  if (input === 'auto') return Math.min(availableParallelism(), MAX_WORKERS);
  const value = /^\d{1,3}$/.test(input) ? Number(input) : Number.NaN;
  if (!(value >= 1 && value <= MAX_WORKERS))
    throw new EnvError(`expected auto or a whole number from 1 to ${MAX_WORKERS}`);
  return value;
});

export const origins = makeValidator<string[]>((input) => {
  const list = commaSeparated(input);
  // Origins are compared literally, so one with a wildcard inside would never match.
  const isOrigin = (text: string) =>
    text === '*' || (!text.includes('*') && URL.canParse(text) && new URL(text).origin === text);
  if (!list.every(isOrigin)) {
    throw new EnvError('expected origins such as https://app.example.com, separated by commas');
  }
  return list;
});

/** Whether the input is an HTTP(S) URL without credentials and, unless `mayHaveQuery`, without query and fragment. */
export function isWebUrl(input: string, { mayHaveQuery = false } = {}): boolean {
  const url = URL.canParse(input) ? new URL(input) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) return false;
  return mayHaveQuery || !(url.search || url.hash);
}

function commaSeparated(input: string): string[] {
  return input.split(',').flatMap((part) => part.trim() || []);
}

/** envalid's own messages quote the input, which may be a password; only messages of our validators are shown. */
export function expectationOf(error: Error): string {
  if (error instanceof EnvError && error.message.startsWith('expected')) return error.message;
  return 'expected true or false';
}
