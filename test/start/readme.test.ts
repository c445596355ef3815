// The README's tour, pasted into a shell as it stands.
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { startServer } from '../support/server.js';

test('every command of the tour, and of the log behind it, works when it is pasted', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const tour = readme.slice(readme.indexOf('## A five-minute tour'), readme.indexOf('## REST errors'));
  const script = [...tour.matchAll(/```sh\n([\s\S]*?)```/g)].map((match) => match[1]).join('\n');
  const folder = await mkdtemp(join(tmpdir(), 'asg-readme-'));
  const server = await startServer({ dataDir: join(folder, 'data') });
  try {
    const { stdout } = await promisify(execFile)('bash', ['-e', '-c', script], {
      cwd: folder,
    });
    expect(stdout).toContain('"pathText":"billing.apiKey","revision":0');
    expect(stdout).toContain('{"pathText":"billing.apiKey","secretTypeText":"string","hasValue":true}');
    expect(stdout).toContain('"revision":1,"secretType":{"type":"U16"},"secretValue":6432}');
    expect(stdout).toContain('"revision":2,"secretType":{"type":"U16"},"secretValue":null}');
    expect(stdout).toContain('"revision":2,"change":"DELETED"');
    expect(stdout).toContain('{"data":{"restoreAgentSecret":{"revision":3,"secretValueText":"5432"}}}');
    expect(stdout).toContain('{"data":{"environment":{"revision":5,"agentSecrets":{"totalCount":5,');
    expect(stdout).toMatch(/"applied":false,"environmentRevision":\d+,"results":\[\{"revision":4\},\{"revision":5\}\]/);
    const repeated = '"revision":4,"secretType":{"type":"U16"},"secretValue":7432}';
    expect(stdout.split(repeated)).toHaveLength(3);
    expect(stdout).toMatch(/^id: 6\ndata: \{"environmentRevision":6,/m);
    expect(stdout).toContain('event: next\ndata: {"data":{"agentSecretChanges":{"environmentRevision":6,');
    expect(stdout).not.toMatch(/errors|"code"/);
  } finally {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
