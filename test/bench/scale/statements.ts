// Collects every statement that the service runs for an operation, and its parameters. The service runs in this process,
// on a database that records all statements.

import { loadConfig } from '../../../src/config/config.js';
import type { KeyProvider } from '../../../src/crypto/key-provider.js';
import { issueToken } from '../../../src/domain/access/token.js';
import { createLogger } from '../../../src/logging/logger.js';
import { createApp } from '../../../src/server/app.js';
import { servicesOn } from '../../../src/start/services.js';
import { type Database, openPostgres, type Session } from '../../../src/store/engine/client.js';
import type { Statement } from '../../../src/store/engine/statement.js';
import { type Call, OPERATIONS, type Place } from './operations.js';

/** A statement as it was sent to the database. */
export interface Sent {
  operation: string;
  text: string;
  parameters: unknown[];
}

/** Runs every operation once at this place. */
export async function statementsOf(databaseUrl: string, keyProvider: KeyProvider, place: Place): Promise<Sent[]> {
  const sent: Sent[] = [];
  let operation = '';
  const database = openPostgres({
    url: databaseUrl,
    poolSize: 2,
    statementTimeout: 60_000,
    connectTimeout: 5,
    prepare: true,
  });
  const noted = noting(database, (text, parameters) => sent.push({ operation, text, parameters }));
  const services = servicesOn(noted, keyProvider, createLogger('silent'));
  const app = createApp({ services, config: loadConfig({ NODE_ENV: 'test' }) });
  try {
    const { secret } = await issueToken(database, { accountId: place.accountId, name: 'plans' });
    const call = doors(app.fetch, secret);
    for (const { name, run } of OPERATIONS) {
      operation = name;
      await run(call, place).catch((error: unknown) => {
        throw new Error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      });
      await services.reads.flush();
    }
    return sent;
  } finally {
    await services.feed.close();
    await services.reads.flush();
    await database.close();
  }
}

export function noting(db: Database, note: (text: string, parameters: unknown[]) => void): Database {
  function over(session: Session): Session {
    const noted = <Row, Input extends object>(statement: Statement<Row, Input>, input: Input) => {
      note(statement.text, statement.parameters(input));
    };
    return {
      ...session,
      rows(statement, input) {
        noted(statement, input);
        return session.rows(statement, input);
      },
      row(statement, input) {
        noted(statement, input);
        return session.row(statement, input);
      },
    };
  }
  return {
    ...db,
    ...over(db),
    transaction: (work, options) => db.transaction((session) => work(over(session)), options),
  };
}

function doors(fetch: (request: Request) => Response | Promise<Response>, token: string): Call {
  async function send(method: string, path: string, body: object | undefined, headers: Record<string, string>) {
    const response = await fetch(
      new Request(`http://localhost${path}`, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    // A conflict is also a valid answer, because a path may be taken.
    if (!response.ok && response.status !== 409) throw new Error(`${response.status} ${await response.text()}`);
    return response;
  }
  return {
    async graphql(query, variables = {}) {
      const { data, errors } = JSON.parse(await (await send('POST', '/graphql', { query, variables }, {})).text());
      if (errors) throw new Error(JSON.stringify(errors));
      return data;
    },
    rest: async (method, path, body, headers = {}) => (await send(method, path, body, headers)).text(),
    async firstEvent(query, variables) {
      const response = await send('POST', '/graphql', { query, variables }, { accept: 'text/event-stream' });
      const reader = (response.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      await reader.cancel();
    },
  };
}
