// The parameters of an address that libpq knows: those that are supported, with their variables, and those that are not.
import { AddressProblem } from './parameters.js';

/** Each supported parameter, with the variable that psql takes it from when the address does not have it. */
const SUPPORTED: Readonly<Record<string, string | undefined>> = {
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  password: 'PGPASSWORD',
  passfile: 'PGPASSFILE',
  channel_binding: 'PGCHANNELBINDING',
  connect_timeout: 'PGCONNECT_TIMEOUT',
  client_encoding: 'PGCLIENTENCODING',
  options: 'PGOPTIONS',
  application_name: 'PGAPPNAME',
  fallback_application_name: undefined,
  keepalives: undefined,
  keepalives_idle: undefined,
  sslmode: 'PGSSLMODE',
  sslnegotiation: 'PGSSLNEGOTIATION',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
  sslpassword: undefined,
  sslrootcert: 'PGSSLROOTCERT',
  sslsni: 'PGSSLSNI',
  ssl_min_protocol_version: 'PGSSLMINPROTOCOLVERSION',
  ssl_max_protocol_version: 'PGSSLMAXPROTOCOLVERSION',
  gssencmode: 'PGGSSENCMODE',
  target_session_attrs: 'PGTARGETSESSIONATTRS',
  load_balance_hosts: 'PGLOADBALANCEHOSTS',
};

/** Variables of libpq that would change to what, or how, it connects. */
const UNSUPPORTED_VARIABLES = [
  'PGSERVICE',
  'PGREQUIREAUTH',
  'PGREQUIREPEER',
  'PGREQUIRESSL',
  'PGSSLCERTMODE',
  'PGSSLCOMPRESSION',
  'PGSSLCRL',
  'PGSSLCRLDIR',
  'PGMINPROTOCOLVERSION',
  'PGMAXPROTOCOLVERSION',
];

/** Adds what only variables say, and names what is not supported. A name that is no plain word is not repeated. */
export function withVariables(given: ReadonlyMap<string, string>, env: NodeJS.ProcessEnv): Map<string, string> {
  for (const name of given.keys()) {
    if (Object.hasOwn(SUPPORTED, name)) continue;
    const named = /^[a-z_]{1,40}$/.test(name) ? `the parameter ${name}` : 'one of the parameters';
    throw new AddressProblem(`${named} is not supported; leave it out`);
  }
  const variable = UNSUPPORTED_VARIABLES.find((each) => env[each]);
  if (variable) throw new AddressProblem(`${variable} is not supported; unset it`);
  const all = new Map(given);
  for (const [name, from] of Object.entries(SUPPORTED)) {
    const value = from && env[from];
    if (value && !all.has(name)) all.set(name, value);
  }
  return all;
}
