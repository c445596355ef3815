// Creates accounts, plans and what they own through the GraphQL API, for tests that need more than the world has.
import type { TestApp } from '../app.js';
import { createAccount, type Person, unique } from '../world.js';
import { ask } from './client.js';

export interface Limits {
  environments?: number;
  secrets?: number;
  bytes?: number;
}

/** Creates a plan with these limits. Limits that are not given are high. */
export async function createPlan(app: TestApp, { environments = 100, secrets = 100, bytes = 1_000 }: Limits) {
  const limits = `maxEnvironments: ${environments}, maxSecretsPerEnvironment: ${secrets}, maxValueBytes: ${bytes}`;
  const document = `mutation ($name: String!) {
    createPlan(input: { name: $name, ${limits} }) { ... on CreatePlanPayload { plan { id name } } ... on Refusal { code message } }
  }`;
  return (await ask(app, app.operatorToken, document, { name: unique('plan') })).createPlan.plan as {
    id: string;
    name: string;
  };
}

export async function changePlan(app: TestApp, id: string, limits: string): Promise<void> {
  const document = `mutation ($id: ID!) { updatePlan(input: { id: $id, ${limits} }) { __typename } }`;
  await ask(app, app.operatorToken, document, { id });
}

/** Creates an account with its own plan. */
export async function createAccountUnder(app: TestApp, limits: Limits): Promise<Person & { planId: string }> {
  const person = await createAccount(app, unique('account'));
  const { id: planId } = await createPlan(app, limits);
  const document = 'mutation ($input: UpdateAccountInput!) { updateAccount(input: $input) { __typename } }';
  await ask(app, app.operatorToken, document, { input: { id: person.id, planId } });
  return { ...person, planId };
}

const REFUSABLE = '__typename ... on Refusal { code message }';

/** Runs a mutation whose result may be a refusal. `selection` selects the result otherwise. */
export async function mutate(
  app: TestApp,
  token: string,
  field: string,
  input: object,
  selection: string,
): Promise<any> {
  const type = `${capitalized(field)}Input`;
  const document = `mutation ($input: ${type}!) { ${field}(input: $input) { ${REFUSABLE} ${selection} } }`;
  return (await ask(app, token, document, { input }))[field];
}

/** Runs a mutation that creates or updates something. Returns that with the name of the payload, or the refusal. */
export async function write(
  app: TestApp,
  token: string,
  field: string,
  input: object,
  selection: string,
): Promise<any> {
  const thing = field.replace(/^(create|update)/, '');
  const noun = `${thing[0]?.toLowerCase()}${thing.slice(1)}`;
  const payload = `${capitalized(field)}Payload`;
  const fragments = `... on ${payload} { ${noun} { ${selection} } } ... on InvalidRequest { problems }`;
  const { [noun]: made, ...rest } = await mutate(app, token, field, input, fragments);
  return { ...rest, ...made };
}

/** Runs a mutation that takes something away, and returns its payload. */
export async function remove(app: TestApp, token: string, field: string, id: string): Promise<any> {
  const payload = `${capitalized(field)}Payload`;
  return mutate(app, token, field, { id }, `... on ${payload} { deletedId }`);
}

export const capitalized = (name: string) => `${name[0]?.toUpperCase()}${name.slice(1)}`;

/** Returns every row of every table as text, with bytes in hexadecimal. */
export async function everythingStored(app: TestApp): Promise<string[]> {
  const rows = (text: string) =>
    app.services.db.rows<{ value: string }, object>(
      { text, parameters: () => [], decode: (row) => row as { value: string } },
      {},
    );
  const tables = await rows(
    `select quote_ident(table_schema) || '.' || quote_ident(table_name) as value from information_schema.tables
      where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
  );
  const contents = await Promise.all(tables.map(({ value: table }) => rows(`select t::text as value from ${table} t`)));
  return contents.flat().map(({ value }) => value);
}
