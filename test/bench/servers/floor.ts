// The floor is a bare node:http handler over postgres.js. It has the same queries, the same JSON and as many connections,
// but no tokens, sealing, rules or log. Its tables are copies with unencrypted values (see seed/seed.ts).
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import postgres from 'postgres';
import type { Session } from '../../../src/store/engine/client.js';
import { findAgentSecretsForAccounts } from '../../../src/store/secrets/agent-secret.js';
import { findAllAgentSecretOutlines } from '../../../src/store/secrets/agent-secret-list.js';

/** The environment variable FLOOR has these settings as JSON. */
export interface FloorSettings {
  databaseUrl: string;
  poolSize: number;
  accountId: string;
}

/** This is the first message to the parent process. */
export interface FloorReady {
  port: number;
}

type Row = Record<'id' | 'environmentId' | 'path' | 'revision' | 'secretType' | 'sealedValue', string>;
type Text = { text: string; parameters(input: object): unknown[] };

/** Runs exactly the statement that the service's store runs. */
function statementOf(find: (db: Session) => Promise<unknown>): Text {
  let caught: Text | undefined;
  const run = async (statement: Text) => {
    caught = statement;
    return [];
  };
  const catcher = { row: run, rows: run } as unknown as Session;
  void find(catcher);
  if (!caught) throw new Error('the store ran no statement');
  return caught;
}

const BY_ID = statementOf((db) => findAgentSecretsForAccounts(db, [{ id: '', accountId: '' }]));
const ALL = statementOf((db) => findAllAgentSecretOutlines(db, { environmentId: '' }));
const FIELDS =
  'id, environment_id as "environmentId", path, revision, secret_type as "secretType", sealed_value as "sealedValue"';
const UPDATE = `update agent_secrets set revision = revision + 1, sealed_value = $3, updated_at = now()
  where id = $1 and revision = $2 and deleted_at is null returning ${FIELDS}`;
const INSERT = `insert into agent_secrets
  (id, environment_id, path, secret_type, type_kind, revision, sealed_value, value_revision, created_at, created_by, updated_at, updated_by)
  values ($1, $2, $3, $4, $5, 0, $6, 0, now(), $7, now(), $7) returning ${FIELDS}`;

function serve({ databaseUrl, poolSize, accountId }: FloorSettings): void {
  // Each connection has its own client, and the clients take turns. A client with several connections gets slower with every
  // query (postgres.js 3.4.9 keeps the holes in its queue of busy connections, and searches it). Under this load, it loses
  // more than half of its speed within a minute, and the reference must not change.
  const clients = Array.from({ length: poolSize }, () =>
    postgres(databaseUrl, { max: 1, fetch_types: false, connection: { search_path: 'floor' } }),
  );
  let turn = 0;
  const run = (text: string, parameters: unknown[]) => {
    const client = clients[turn++ % clients.length] as postgres.Sql;
    return client.unsafe(text, parameters as never[], { prepare: true }) as unknown as Promise<Row[]>;
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, , noun, id = ''] = (request.url ?? '').split('/');
    if (request.method === 'GET' && noun === 'envs') {
      const rows = await run(ALL.text, ALL.parameters({ environmentId: id }));
      send(response, { values: rows.map((row) => bodyOf(row, id)) });
      return;
    }
    if (request.method === 'GET') {
      const [row] = await run(BY_ID.text, BY_ID.parameters({ id, accountId }));
      send(response, row && bodyOf(row));
      return;
    }
    const body = JSON.parse(await textOf(request));
    const [row] =
      request.method === 'PATCH'
        ? await run(UPDATE, [id, body.currentRevision, JSON.stringify(body.secretValue.value)])
        : await run(INSERT, [
            randomUUID(),
            id,
            body.path.join('.'),
            JSON.stringify(body.secretType),
            body.secretType.type,
            JSON.stringify(body.secretValue),
            accountId,
          ]);
    send(response, row && bodyOf(row));
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      response.writeHead(500).end(String(error));
    });
  });
  server.listen(0, '127.0.0.1', () => {
    process.send?.({ port: (server.address() as AddressInfo).port } satisfies FloorReady);
  });
}

/** The rows of a list do not contain the columns that all of them have in common. */
function bodyOf(row: Row, environmentId = row.environmentId) {
  return {
    id: row.id,
    environmentId,
    path: row.path.split('.'),
    revision: Number(row.revision),
    secretType: JSON.parse(row.secretType),
    secretValue: JSON.parse(row.sealedValue),
  };
}

function send(response: ServerResponse, body: object | undefined): void {
  if (!body) {
    response.writeHead(404).end();
    return;
  }
  const text = JSON.stringify(body);
  response.writeHead(200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

serve(JSON.parse(process.env.FLOOR ?? '') as FloorSettings);
