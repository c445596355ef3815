// GraphiQL's example operations, as a newcomer finds them: each works as it stands, in any order.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ask, developer } from '../../server/process/client.js';
import { type RunningServer, startServer } from '../../support/server.js';

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

interface Tab {
  query: string;
  variables: string;
}

async function tabs(): Promise<Tab[]> {
  const page = await fetch(server.graphqlUrl, { headers: { accept: 'text/html' } });
  const [, config = ''] = /<script type="application\/json" id="config">(.*?)<\/script>/s.exec(await page.text()) ?? [];
  return JSON.parse(config).tabs;
}

const nameOf = ({ query }: Tab) => /(?:query|mutation) (\w+)/.exec(query)?.[1];

test('every tab answers what it promises, and the changing ones only once', async () => {
  const found = await tabs();
  const answers: Record<string, any> = {};
  // A subscription is a stream; the browser suite runs it.
  for (const tab of found.filter(nameOf)) answers[nameOf(tab) ?? ''] = await run(tab);
  expect(answers.Welcome.environment.agentSecrets.totalCount).toBeGreaterThan(0);
  expect(answers.CreateSecret.createAgentSecret.agentSecret).toMatchObject({
    pathText: 'payments.database',
    revision: 0,
  });
  expect(answers.ListSecrets.environment.agentSecrets.edges.length).toBeGreaterThan(0);
  expect(answers.ReadSecret.environment.agentSecret.secretValueText).toMatch(/^".+"$/);
  expect(answers.UpdateSecret.updateAgentSecret).toMatchObject({ agentSecret: { revision: 1 } });
  expect(answers.DeleteSecret.deleteAgentSecret).toMatchObject({ agentSecret: { revision: 1 } });
  expect(answers.RestoreSecret.restoreAgentSecret).toMatchObject({ agentSecret: { revision: 1 } });
  expect(answers.ApplyChanges.applyAgentSecretChanges).toMatchObject({
    applied: false,
    results: [{ pathText: 'payments.sandbox', revision: 0 }, { revision: 1 }],
  });
  const update = found.find((tab) => nameOf(tab) === 'UpdateSecret') as Tab;
  expect((await run(update)).updateAgentSecret).toMatchObject({ code: 'CONCURRENT_UPDATE', currentRevision: 1 });
});

test('after a reload they are about what there is now', async () => {
  const before = await deleteTab();
  expect((await run(before)).deleteAgentSecret.__typename).toBe('DeleteAgentSecretPayload');
  const after = await deleteTab();
  expect(after.variables).not.toBe(before.variables);
  expect((await run(after)).deleteAgentSecret.__typename).toBe('DeleteAgentSecretPayload');
});

const run = ({ query, variables }: Tab) => ask(developer(server), query, JSON.parse(variables));

async function deleteTab(): Promise<Tab> {
  return (await tabs()).find((tab) => nameOf(tab) === 'DeleteSecret') as Tab;
}
