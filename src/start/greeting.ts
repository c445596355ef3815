// The text printed to standard output after the start: the URLs and, in development, a token and commands to try.
import type { Config } from '../config/config.js';
import { factsFile, isLoopback } from './development.js';
import type { Serving } from './serving.js';

export function greeting(config: Config, { url, facts }: Serving): string {
  const database = config.databaseUrl
    ? 'Postgres (DATABASE_URL)'
    : `embedded Postgres in ${config.dataDir} (for development: one process, no fsync; set DATABASE_URL for real use)`;
  const lines = [`Agent secrets gateway on ${url}`, '', `  Database     ${database}`];
  if (config.workers > 1) lines.push(`  Workers      ${config.workers} processes`);
  if (config.graphiql) lines.push(`  GraphiQL     ${url}/graphql`);
  lines.push(`  API docs     ${url}/docs`);
  if (!facts) {
    if (!config.production) lines.push('', `  No development token: ${whyNoToken(config)}`);
    return `${lines.join('\n')}\n`;
  }
  const { token, environmentId } = facts;
  return `${[
    ...lines,
    `  Token        ${token}`,
    `  Environment  ${environmentId}`,
    '',
    'Try it:',
    '',
    `  curl -s ${url}/v1/envs/${environmentId}/agent-secrets -H 'authorization: Bearer ${token}'`,
    '',
    `  curl -s ${url}/graphql -H 'authorization: Bearer ${token}' -H 'content-type: application/json' -d '{"query":"{ viewer { name } }"}'`,
    '',
  ].join('\n')}\n`;
}

/** Only one process can open the embedded database, so `npm run token` requires that this process stops first. */
function whyNoToken(config: Config): string {
  const reason = isLoopback(config.host)
    ? `this database has accounts, and ${factsFile(config.dataDir)} names none of them`
    : `HOST=${config.host} is not only this machine's`;
  return `${reason}; ${config.databaseUrl ? 'make' : 'stop this process and make'} one with npm run token -- --account NAME`;
}
