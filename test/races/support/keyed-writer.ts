// A client that writes under keys through either door, as change sets too, and repeats each write until an answer comes whole.
import { expect } from 'vitest';
import { changeSet, codesOf, type Result } from '../../support/graphql/log.js';
import { createSecret, deleteSecret, type Refused, type Secret, updateSecret } from '../../support/graphql/secrets.js';
import type { Instance } from './fleet.js';

/** The chance that so many answers in a row are lost is one in 10^20, at 30 % of them. */
const ATTEMPTS = 40;
const STR = { type: 'Str' };

/** One change of a write, and what it leaves behind. */
export type Change =
  | { kind: 'create'; path: string; value: string }
  | { kind: 'update'; id: string; currentRevision: number; value: string }
  | { kind: 'delete'; id: string; currentRevision: number; value: null };

/** What the caller has been told of a change that was made. */
export interface Told {
  id: string;
  revision: number;
  value: unknown;
  /** Only of a change set's. */
  environmentRevision?: number;
}

/** Makes the changes at once; undefined when they are refused, because others were first. */
export type KeyedWrite = (key: string, changes: Change[]) => Promise<Told[] | undefined>;

type Way = (door: Instance, token: string, environmentId: string) => KeyedWrite;

const NOT_FIRST = ['CONCURRENT_UPDATE', 'AGENT_SECRET_NOT_FOUND'];

function recordedBy(answer: Pick<Secret, 'id' | 'revision' | 'secretValue'> | Refused): Told[] | undefined {
  if (!('code' in answer)) return [{ id: answer.id, revision: Number(answer.revision), value: answer.secretValue }];
  expect(NOT_FIRST).toContain(answer.code);
  return undefined;
}

/** All but `sets` make one change at a time. */
export const WAYS = {
  REST: (door, token, environmentId) => async (key, changes) => {
    const [change] = changes as [Change];
    const [method, path, body] =
      change.kind === 'create'
        ? ([
            'POST',
            `/v1/envs/${environmentId}/agent-secrets`,
            { path: [change.path], secretType: STR, secretValue: change.value },
          ] as const)
        : change.kind === 'update'
          ? ([
              'PATCH',
              `/v1/agent-secrets/${change.id}`,
              { currentRevision: change.currentRevision, secretValue: { op: 'set', value: change.value } },
            ] as const)
          : (['DELETE', `/v1/agent-secret/${change.id}?current_revision=${change.currentRevision}`] as const);
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'idempotency-key': key };
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    const response = await door.fetch(new Request(`http://localhost${path}`, init));
    return recordedBy((await response.json()) as Secret | Refused);
  },
  GraphQL: (door, token, environmentId) => async (idempotencyKey, changes) => {
    const [change] = changes as [Change];
    if (change.kind === 'create') {
      const input = { environmentId, path: [change.path], secretType: STR, secretValue: change.value, idempotencyKey };
      return recordedBy(await createSecret(door, token, input));
    }
    const { kind, id, currentRevision, value } = change;
    const input = { id, currentRevision, idempotencyKey };
    const answer =
      kind === 'update'
        ? updateSecret(door, token, { ...input, secretValue: { op: 'SET', value } })
        : deleteSecret(door, token, input);
    // A secret that is not there is no refusal of the mutation, but an error.
    return answer.then(recordedBy, (error) => {
      expect(String(error)).toContain('AGENT_SECRET_NOT_FOUND');
      return undefined;
    });
  },
  sets: (door, token, environmentId) => async (idempotencyKey, all) => {
    const changes = all.map((change) => {
      if (change.kind === 'create') {
        return { create: { path: [change.path], secretType: STR, secretValue: change.value } };
      }
      const { kind, id, currentRevision, value } = change;
      const at = { id, currentRevision };
      return kind === 'update' ? { update: { ...at, secretValue: { op: 'SET', value } } } : { delete: at };
    });
    const set = await changeSet(door, token, { environmentId, idempotencyKey, changes });
    if (!set.applied) {
      expect(NOT_FIRST).toEqual(expect.arrayContaining(codesOf(set).filter((code) => code !== 'OK')));
      return undefined;
    }
    return set.results.map((result, index) => ({
      ...(recordedBy(result as Required<Result>) as [Told])[0],
      environmentRevision: Number(set.environmentRevision) - set.results.length + 1 + index,
    }));
  },
} satisfies Record<string, Way>;

/** Sends a request on any of the ways until an answer comes whole. */
export function persistentDoor(name: string, urlOf: () => string) {
  let requests = 0;
  let attempts = 0;
  return {
    attempts: () => attempts,
    async fetch(request: Request): Promise<Response> {
      requests += 1;
      const body = await request.arrayBuffer();
      const { method } = request;
      const path = request.url.replace('http://localhost', '');
      for (attempts = 1; attempts <= ATTEMPTS; attempts += 1) {
        const headers = new Headers(request.headers);
        headers.set('x-request-id', `${name}.${requests}.${attempts}`);
        try {
          const answer = await fetch(`${urlOf()}${path}`, {
            method,
            headers,
            ...(body.byteLength > 0 ? { body } : {}),
          });
          return new Response(await answer.text(), answer);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error;
        }
      }
      throw new Error(`${name}: no answer to ${ATTEMPTS} requests`);
    },
  };
}
