// Makes a realistic log with every kind of write, in random order, through both APIs.
import type { TestApp } from '../app.js';
import { canary } from '../canary.js';
import { ask } from '../graphql/client.js';
import { unique } from '../world.js';

interface Known {
  id: string;
  revision: number;
  isDeleted: boolean;
}

export interface HistoryOptions {
  environmentId: string;
  token: string;
  random: () => number;
}

const TYPES: readonly { type: object; value: () => unknown }[] = [
  { type: { type: 'Str' }, value: () => canary() },
  { type: { type: 'U64' }, value: () => 4242424242424242 },
  { type: { type: 'Option', inner: { type: 'Str' } }, value: () => canary() },
  { type: { type: 'List', inner: { type: 'Str' } }, value: () => Array.from({ length: 30 }, canary) },
];

const RESULT = '__typename ... on AgentSecretPayload { agentSecret { id revision } }';
const WRITES = {
  create: `mutation ($input: CreateAgentSecretInput!) { result: createAgentSecret(input: $input) { ${RESULT} } }`,
  update: `mutation ($input: UpdateAgentSecretInput!) { result: updateAgentSecret(input: $input) { ${RESULT} } }`,
  delete: `mutation ($input: DeleteAgentSecretInput!) { result: deleteAgentSecret(input: $input) { ${RESULT} } }`,
  restore: `mutation ($input: RestoreAgentSecretInput!) { result: restoreAgentSecret(input: $input) { ${RESULT} } }`,
  destroy: `mutation ($input: DestroyAgentSecretRevisionInput!) { result: destroyAgentSecretRevision(input: $input) { ${RESULT} } }`,
  apply: `mutation ($input: ApplyAgentSecretChangesInput!) {
    result: applyAgentSecretChanges(input: $input) { __typename ... on ApplyAgentSecretChangesPayload { applied results { __typename ... on AgentSecretRevision { id: agentSecretId revision } } } }
  }`,
} as const;

/** Makes so many writes at each call. Some of them are refused, as in real use. */
export function createHistory(app: TestApp, options: HistoryOptions): (writes: number) => Promise<void> {
  const { environmentId, token, random } = options;
  const secrets = new Map<string, Known & { value: () => unknown }>();
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(items: readonly T[]): T | undefined => items[below(items.length)];

  async function write(verb: keyof typeof WRITES, input: object): Promise<any> {
    return (await ask(app, token, WRITES[verb], { input })).result;
  }
  function note(result: any, isDeleted: boolean, value?: () => unknown): void {
    const { id, revision } = result.agentSecret ?? result;
    if (id === undefined) return;
    secrets.set(id, { id, revision, isDeleted, value: value ?? secrets.get(id)!.value });
  }
  function newSecret() {
    const { type, value } = pick(TYPES)!;
    const secretValue = random() < 0.8 ? value() : undefined;
    return { input: { path: [unique('s')], secretType: type, secretValue }, value };
  }
  function change(value: () => unknown): object | undefined {
    const dice = random();
    return dice < 0.25 ? undefined : dice < 0.4 ? { op: 'UNSET' } : { op: 'SET', value: value() };
  }
  const seen = ({ id, revision }: Known) => ({ id, currentRevision: revision });

  async function one(): Promise<void> {
    const dice = random();
    const live = pick([...secrets.values()].filter(({ isDeleted }) => !isDeleted));
    const any = pick([...secrets.values()]);
    if (!live || !any || dice < 0.12) {
      const { input, value } = newSecret();
      note(await write('create', { environmentId, ...input }), false, value);
    } else if (dice < 0.55) {
      note(await write('update', { ...seen(live), secretValue: change(live.value) }), false);
    } else if (dice < 0.62) {
      note(await write('delete', seen(live)), true);
    } else if (dice < 0.75) {
      note(await write('restore', { ...seen(any), toRevision: below(any.revision + 1) }), false);
    } else if (dice < 0.85) {
      note(await write('destroy', { ...seen(any), revision: below(any.revision + 1) }), any.isDeleted);
    } else await applySet();
  }

  async function applySet(): Promise<void> {
    const created: (() => unknown)[] = [];
    const changes: object[] = [];
    const deletions: boolean[] = [];
    for (const secret of [...secrets.values()].filter(() => random() < 0.15).slice(0, 4)) {
      const dice = random();
      const kind = secret.isDeleted || dice < 0.2 ? 'restore' : dice < 0.8 ? 'update' : 'delete';
      changes.push(
        kind === 'restore'
          ? { restore: { ...seen(secret), toRevision: 0 } }
          : kind === 'update'
            ? { update: { ...seen(secret), secretValue: change(secret.value) } }
            : { delete: seen(secret) },
      );
      deletions.push(kind === 'delete');
    }
    if (changes.length === 0 || random() < 0.4) {
      const { input, value } = newSecret();
      changes.push({ create: input });
      deletions.push(false);
      created.push(value);
    }
    const { applied, results } = await write('apply', { environmentId, changes });
    if (!applied) return;
    for (const [index, result] of results.entries()) note(result, deletions[index]!, created[0]);
  }

  return async (writes) => {
    for (let index = 0; index < writes; index += 1) await one();
  };
}
