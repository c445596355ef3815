// A client that creates, updates and deletes through either door of any instance, and hears the same story from both.
import { graphql } from '../../support/graphql/client.js';
import { type Instance, rest } from './fleet.js';

export interface Outcome {
  /** `OK`, or the code of the refusal. */
  code: string;
  /** Only with OK. */
  id?: string;
  revision?: number;
}

/** What a write does to the value. */
export type Change = 'keep' | 'unset' | { set: string };

export interface Writer {
  create(path: string, value: string): Promise<Outcome>;
  update(id: string, currentRevision: number, change: Change): Promise<Outcome>;
  remove(id: string, currentRevision: number): Promise<Outcome>;
}

const SECRET_TYPE = { type: 'Str' };

export function restWriter(instance: Instance, token: string, environmentId: string): Writer {
  async function write(method: string, path: string, input?: object): Promise<Outcome> {
    const { status, body } = await rest(instance, token, method, path, input);
    return status === 200 ? { code: 'OK', id: body.id, revision: body.revision } : { code: body.code };
  }
  return {
    create: (path, value) =>
      write('POST', `/v1/envs/${environmentId}/agent-secrets`, {
        path: [path],
        secretType: SECRET_TYPE,
        secretValue: value,
      }),
    update: (id, currentRevision, change) =>
      write('PATCH', `/v1/agent-secrets/${id}`, {
        currentRevision,
        ...(change === 'keep'
          ? {}
          : { secretValue: change === 'unset' ? { op: 'unset' } : { op: 'set', value: change.set } }),
      }),
    remove: (id, currentRevision) => write('DELETE', `/v1/agent-secret/${id}?current_revision=${currentRevision}`),
  };
}

export function graphqlWriter(instance: Instance, token: string, environmentId: string): Writer {
  async function write(verb: string, input: object): Promise<Outcome> {
    const Input = `${verb[0]?.toUpperCase()}${verb.slice(1)}AgentSecretInput`;
    const { data, errors } = await graphql(
      instance,
      token,
      `mutation ($input: ${Input}!) {
        result: ${verb}AgentSecret(input: $input) { ... on AgentSecretPayload { agentSecret { id revision } } ... on Refusal { code } }
      }`,
      { input },
    );
    if (errors) return { code: String(errors[0]?.extensions.code) };
    return { code: 'OK', ...(data.result.agentSecret ?? data.result) };
  }
  return {
    create: (path, value) =>
      write('create', { environmentId, path: [path], secretType: SECRET_TYPE, secretValue: value }),
    update: (id, currentRevision, change) =>
      write('update', {
        id,
        currentRevision,
        ...(change === 'keep'
          ? {}
          : { secretValue: change === 'unset' ? { op: 'UNSET' } : { op: 'SET', value: change.set } }),
      }),
    remove: (id, currentRevision) => write('delete', { id, currentRevision }),
  };
}

/** A small generator of pseudo-random numbers in [0, 1), so that a failing run can be repeated by its seed. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
