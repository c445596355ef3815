// The text of an address, as psql reads it: a URL, or pairs such as `host=/run/postgresql dbname=secrets`.

/** What is wrong with an address. The message never quotes it, because it may contain a password. */
export class AddressProblem extends Error {}

const EXPECTED = 'expected a URL such as postgres://user:password@host:5432/database';
const ENCODE = 'in a URL, characters such as @ : / ? # in a user or password have to be percent-encoded';

/** The parameters by libpq's names. */
export function parametersOf(text: string): Map<string, string> {
  if (/^postgres(ql)?:\/\//i.test(text)) return parametersOfUrl(text.slice(text.indexOf('://') + 3));
  return parametersOfPairs(text);
}

const PAIR = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|(?!')((?:[^\s\\]|\\.)*))(?=\s|$)/sy;

function parametersOfPairs(text: string): Map<string, string> {
  const parameters = new Map<string, string>();
  const rest = text.trimEnd();
  PAIR.lastIndex = 0;
  while (PAIR.lastIndex < rest.length) {
    const pair = PAIR.exec(rest);
    if (!pair) throw new AddressProblem(EXPECTED);
    parameters.set(pair[1] as string, (pair[2] ?? pair[3] ?? '').replace(/\\(.)/gs, '$1'));
  }
  if (parameters.size === 0) throw new AddressProblem(EXPECTED);
  return parameters;
}

/** WHATWG URLs are not used: they know neither several hosts nor folders as hosts. */
function parametersOfUrl(text: string): Map<string, string> {
  const parameters = new Map<string, string>();
  function set(name: string, encoded: string | undefined): void {
    if (encoded) parameters.set(name, decoded(encoded));
  }
  // As libpq does: everything up to the first @ is the user, unless a slash comes before it.
  const [, credentials, rest = ''] = /^(?:([^@/]*)@)?(.*)$/s.exec(text) ?? [];
  const [, user, password] = /^([^:]*)(?::(.*))?$/s.exec(credentials ?? '') ?? [];
  set('user', user);
  set('password', password);
  const [, hosts = '', database, query] = /^([^/?]*)(?:\/([^?]*))?(?:\?(.*))?$/s.exec(rest) ?? [];
  const pairs = hosts.split(',').map((host) => /^(?:\[([^\]]+)\]|([^:[\]]*))(?::(\d*))?$/.exec(host));
  if (pairs.includes(null) || hosts.includes('@')) throw new AddressProblem(`${EXPECTED}; ${ENCODE}`);
  const list = (part: (pair: RegExpExecArray | null) => string | undefined) =>
    pairs.map(part).join().replace(/^,+$/, '');
  set(
    'host',
    list((pair) => pair?.[1] ?? pair?.[2]),
  );
  set(
    'port',
    list((pair) => pair?.[3]),
  );
  set('dbname', database);
  for (const pair of query ? query.split('&') : []) {
    const [, name = '', value] = /^([^=]*)=([^=]*)$/.exec(pair) ?? [];
    if (value === undefined || query?.includes('@')) {
      throw new AddressProblem(`expected parameters such as ?sslmode=verify-full; ${ENCODE}`);
    }
    // Other drivers write it so.
    if (name === 'ssl' && value === 'true') parameters.set('sslmode', 'require');
    else parameters.set(decoded(name), decoded(value));
  }
  return parameters;
}

function decoded(text: string): string {
  try {
    const plain = decodeURIComponent(text);
    if (!plain.includes('\0')) return plain;
  } catch {
    // Told below.
  }
  throw new AddressProblem(`a % is followed by two hexadecimal digits, and not by 00; ${ENCODE}`);
}
