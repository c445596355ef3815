// Where the database is: DATABASE_URL and the variables of psql, read in one place for the service and all commands.
import { EnvError, makeValidator } from 'envalid';
import { type Address, addressOf } from '../address/address.js';
import { AddressProblem } from '../address/parameters.js';

export function databaseFrom(given: NodeJS.ProcessEnv): { address: Address | undefined; problems: string[] } {
  if (given.DATABASE_URL === undefined) return { address: undefined, problems: [] };
  try {
    return { address: addressOf(given.DATABASE_URL, given), problems: [] };
  } catch (error) {
    if (!(error instanceof AddressProblem)) throw error;
    return { address: undefined, problems: [`DATABASE_URL: ${error.message}`] };
  }
}

/** Any name that Postgres lets a schema have, and does not shorten. */
export const schemaName = makeValidator<string>((input) => {
  if (/^(pg_|information_schema$)/.test(input) || Buffer.byteLength(input) > 63 || input.includes('\0')) {
    throw new EnvError('expected the name of a schema: 63 bytes at most, and none of Postgres itself');
  }
  return input;
});
