// Random histories through both doors against a model: the same answers, the same history, the same past at every revision.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { auditEnvironment } from '../../races/support/log-audit.js';
import { databaseKind } from '../../support/app.js';
import { graphql } from '../../support/graphql/client.js';
import { applyChanges, destroyRevision, historyOf, queryOf, restoreSecret } from '../../support/graphql/log.js';
import { createSecret, deleteSecret, type Refused, type Secret, updateSecret } from '../../support/graphql/secrets.js';
import { type Change, EnvironmentModel, type Outcome, type Value } from '../../support/log/model.js';
import { appSuite } from '../../support/suites.js';
import { createAccount, createApplication, createEnvironment, unique } from '../../support/world.js';

const RUNS = databaseKind() === 'postgres' ? 500 : 25;
const TIME_MS = 25_000;
/** The number of no secret, and its id. */
const NONE = 999;
const NOBODY = '01890000-0000-7000-8000-000000000000';

const app = await appSuite();
const { token } = await createAccount(app, unique('owner'));
const applicationId = await createApplication(app, token);

/** A write before it is known what there is: numbers pick among what there will be. */
interface Plan {
  kind: Change['kind'];
  path: string;
  value: Value | 'keep' | 'unset';
  pick: number;
  /** How far beside the right revision. */
  off: number;
  back: number;
}

const plan: fc.Arbitrary<Plan> = fc.record({
  kind: fc.constantFrom<Change['kind'][]>('create', 'update', 'update', 'delete', 'restore', 'restore', 'destroy'),
  path: fc.constantFrom('a', 'b', 'c', 'd'),
  value: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom<Plan['value'][]>('one', 'two', 'three', 'keep', 'unset') },
    { weight: 1, arbitrary: fc.constant<Plan['value']>(7) },
  ),
  pick: fc.nat(7),
  off: fc.oneof({ weight: 16, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1) }),
  back: fc.nat(4),
});

const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ plans: fc.tuple(plan), door: fc.constantFrom('rest', 'graphql'), twice: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      plans: fc.array(plan, { minLength: 1, maxLength: 4 }),
      door: fc.constant('set'),
      twice: fc.boolean(),
      dryRun: fc.constantFrom(false, false, false, true),
    }),
  },
);
type Step = { plans: Plan[]; door: string; twice: boolean; dryRun?: boolean };

/** The plan as a change of what there is, `ahead` changes before it of the same set included. */
function changeFrom(plan: Plan, model: EnvironmentModel, ahead: readonly Change[]): Change {
  const value = plan.value === 'keep' || plan.value === 'unset' ? null : plan.value;
  if (plan.kind === 'create') return { kind: 'create', path: plan.path, value };
  const { length } = model.secrets;
  const secret = length === 0 || plan.pick === 6 ? NONE : plan.pick % length;
  const earlier = ahead.filter((change) => change.kind !== 'create' && change.secret === secret).length;
  const now = (model.secrets[secret]?.revision ?? 0) + earlier;
  const currentRevision = Math.max(0, now + plan.off);
  const old = Math.max(0, now - plan.back);
  switch (plan.kind) {
    case 'update':
      return { kind: 'update', secret, currentRevision, value: plan.value ?? 'keep' };
    case 'delete':
      return { kind: 'delete', secret, currentRevision };
    case 'restore':
      return { kind: 'restore', secret, currentRevision, toRevision: old + (plan.pick === 7 ? 9 : 0) };
    case 'destroy':
      return { kind: 'destroy', secret, currentRevision, revision: old + (plan.pick === 7 ? 9 : 0) };
  }
}

class Run {
  readonly model = new EnvironmentModel();
  /** By the model's numbers. */
  readonly ids: string[] = [];
  readonly environmentId: string;

  constructor(environmentId: string) {
    this.environmentId = environmentId;
  }

  async do({ plans, door, twice, dryRun = false }: Step): Promise<void> {
    const idempotencyKey = twice ? unique('key') : undefined;
    if (door === 'set') {
      const changes: Change[] = [];
      for (const plan of plans) changes.push(changeFrom(plan, this.model, changes));
      const inSets = changes.filter(({ kind }) => kind !== 'destroy');
      if (inSets.length === 0) return;
      await this.#set(inSets, dryRun, idempotencyKey);
      return;
    }
    const change = changeFrom(plans[0] as Plan, this.model, []);
    const input = this.#inputOf(change);
    const viaRest =
      door === 'rest' && (change.kind === 'create' || change.kind === 'update' || change.kind === 'delete');
    const send = () =>
      viaRest ? this.#rest(change, idempotencyKey) : this.#graphql(change.kind, { ...input, idempotencyKey });
    const answer = await send();
    const expected = this.model.apply(change);
    this.#compare(change, expected, answer);
    // A write that was refused is judged again, and refused again.
    if (twice) this.#compare(change, expected, await send());
  }

  async #set(changes: Change[], dryRun: boolean, idempotencyKey: string | undefined): Promise<void> {
    const names = { create: 'create', update: 'update', delete: 'delete', restore: 'restore', destroy: '' };
    const inputs = changes.map((change) => {
      const { environmentId: _, ...input } = this.#inputOf(change) as { environmentId?: string };
      return { [names[change.kind]]: input };
    });
    const { environmentId } = this;
    const expectedEnvironmentRevision = this.model.revision;
    const input = { environmentId, changes: inputs, dryRun, idempotencyKey, expectedEnvironmentRevision };
    const answer: any = await applyChanges(app, token, input);
    const { applied, outcomes } = this.model.applySet(changes, dryRun);
    expect(answer).toMatchObject({ applied, environmentRevision: this.model.revision });
    for (const [index, outcome] of outcomes.entries()) {
      const id = answer.results[index].id;
      if (applied && outcome.code === 'OK') this.ids[(outcome as { secret: number }).secret] ??= id;
      this.#compare(changes[index] as Change, outcome, answer.results[index], applied);
    }
    if (applied && idempotencyKey) expect(await applyChanges(app, token, input)).toEqual(answer);
  }

  #compare(change: Change, expected: Outcome, answer: Secret | Refused, isDone = true): void {
    const told =
      'code' in answer
        ? { code: answer.code }
        : { path: answer.pathText, revision: answer.revision, value: answer.secretValue };
    if (expected.code !== 'OK') {
      expect(told, JSON.stringify(change)).toEqual({ code: expected.code });
      return;
    }
    const { secret, path, revision, value } = expected as Outcome & {
      code: 'OK';
      secret: number;
      path: string;
      revision: number;
      value: string | null;
    };
    expect(told, JSON.stringify(change)).toEqual({ path, revision, value });
    if (!isDone) return;
    const { id } = answer as Secret;
    this.ids[secret] ??= id;
    expect(id).toBe(this.ids[secret]);
  }

  #inputOf(change: Change): object {
    const { environmentId } = this;
    if (change.kind === 'create') {
      return { environmentId, path: [change.path], secretType: { type: 'Str' }, secretValue: change.value };
    }
    const { kind: _, secret, ...rest } = change;
    const id = this.ids[secret] ?? NOBODY;
    if (change.kind !== 'update') return { id, ...rest };
    const { value, currentRevision } = change;
    const secretValue = value === 'keep' ? null : value === 'unset' ? { op: 'UNSET' } : { op: 'SET', value };
    return { id, currentRevision, secretValue };
  }

  async #graphql(kind: Change['kind'], input: object): Promise<Secret | Refused> {
    const verbs = {
      create: createSecret,
      update: updateSecret,
      delete: deleteSecret,
      restore: restoreSecret,
      destroy: destroyRevision,
    };
    try {
      return await verbs[kind](app, token, input);
    } catch (error) {
      // Unknown ids are errors, not data.
      const code = /"code":"(AGENT_SECRET_NOT_FOUND)"/.exec(String(error))?.[1];
      if (code === undefined) throw error;
      return { __typename: '', code, message: '' };
    }
  }

  async #rest(change: Change, key: string | undefined): Promise<Secret | Refused> {
    const { id, ...input } = this.#inputOf(change) as any;
    if (input.secretValue?.op) input.secretValue.op = input.secretValue.op.toLowerCase();
    const [method, path, body] =
      change.kind === 'create'
        ? (['POST', `/v1/envs/${this.environmentId}/agent-secrets`, input] as const)
        : change.kind === 'update'
          ? (['PATCH', `/v1/agent-secrets/${id}`, input] as const)
          : (['DELETE', `/v1/agent-secret/${id}?current_revision=${input.currentRevision}`] as const);
    const headers = {
      authorization: `Bearer ${token}`,
      ...(key ? { 'idempotency-key': key } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    };
    const init = { method, headers, ...(body ? { body: JSON.stringify(body) } : {}) };
    const response = await app.fetch(new Request(`http://localhost${path}`, init));
    const answer = (await response.json()) as any;
    return response.status === 200 ? { ...answer, pathText: answer.path.join('.') } : answer;
  }

  /** History of every secret, the environment at every revision, and the rows themselves. */
  async check(): Promise<void> {
    const { model, ids, environmentId } = this;
    for (const [index, { history, revision }] of model.secrets.entries()) {
      const told = await historyOf(app, token, ids[index] as string, revision);
      const expected = history.map((entry) => ({
        revision: entry.revision,
        environmentRevision: entry.environmentRevision,
        change: entry.change,
        destroyedRevision: entry.destroyedRevision,
        valueState: model.seen(index, entry).valueState,
      }));
      expect(told.map(({ at: _, by: __, ...entry }) => entry)).toEqual(expected.reverse());
    }
    const documentAt = (at: number | null) => {
      const seen = `${at === null ? 'id' : 'id: agentSecretId'} pathText revision valueState secretValue`;
      const shown = `revision live: allAgentSecrets { ${seen} } page: agentSecrets { totalCount edges { node { ${seen} } } }
        deleted: agentSecrets(filter: { deleted: true }) { edges { node { ${seen} } } }`;
      return `query ($id: UUID) { environment(id: $id) { ${at === null ? shown : `snapshot(revision: ${at}) { ${shown} }`} } }`;
    };
    const seen = (one: any) => ({
      secret: ids.indexOf(one.id),
      path: one.pathText,
      revision: one.revision,
      valueState: one.valueState,
      value: one.secretValue,
    });
    for (const at of [...model.shownAs.keys(), null]) {
      const { data } = await graphql(app, token, documentAt(at), { id: environmentId });
      const { live, deleted } = model.at(at ?? model.revision);
      const environment = data.environment.snapshot ?? data.environment;
      const nodes = ({ edges }: any) => edges.map(({ node }: any) => seen(node));
      const told = [environment.live.map(seen), nodes(environment.page), environment.page.totalCount];
      expect(told, `at ${at}`).toEqual([live, live, live.length]);
      const byNumber = (all: any[]) => all.sort((a, b) => a.secret - b.secret);
      expect(byNumber(nodes(environment.deleted)), `deleted at ${at}`).toEqual(byNumber(deleted));
      expect(environment.revision).toBe(model.shownAs[at ?? model.revision]);
    }
    await auditEnvironment(queryOf(app), environmentId);
  }
}

test('random histories are what the model says', { timeout: 120_000 }, async () => {
  let steps = 0;
  let runs = 0;
  const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 60, size: 'max' }), async (all) => {
    const run = new Run(await createEnvironment(app, token, applicationId));
    for (const one of all) await run.do(one as Step);
    await run.check();
    steps += run.model.revision;
    runs += 1;
    const document = 'mutation ($id: ID!) { deleteEnvironment(input: { id: $id }) { __typename } }';
    await graphql(app, token, document, { id: run.environmentId });
  });
  await fc.assert(property, { numRuns: RUNS, interruptAfterTimeLimit: TIME_MS, markInterruptAsFailure: false });
  console.info(`${runs} histories with ${steps} writes`);
  expect(steps).toBeGreaterThan(50);
});
