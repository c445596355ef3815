// A shell that runs the commands of a page as they stand, in a folder of its own, with a stand-in for npm.
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../server/process/client.js';
import { ensureBuilt } from '../support/server.js';
import { ROOT } from './pages.js';

/**
 * What installs and builds is done already. The service and the operators' commands run as package.json says, from the build
 * of the tests; a start goes on in the background once the service listens, and ends an earlier one. Of other scripts it is
 * only seen to that they are there: the CI runs them.
 */
const NPM = `
SERVER=
npm() {
  local name=$1 script line
  case $1 in
    ci | prune) return ;;
    start | test) shift ;;
    run)
      shift
      if [ "$1" = --silent ]; then shift; fi
      name=$1
      shift
      if [ "$1" = -- ]; then shift; fi
      ;;
    *) return 64 ;;
  esac
  script=$(node -p 'require(process.argv[1]).scripts[process.argv[2]] ?? process.exit(64)' "$ROOT/package.json" "$name")
  script=\${script//dist\\//$BUILT/}
  case $name in
    start)
      stop
      exec 3< <(eval "$script")
      SERVER=$!
      while read -r line <&3; do
        case $line in "Agent secrets gateway on "*) return ;; esac
      done
      return 1
      ;;
    token | migrate | prune-reads | master-key | rotate | verify-log) eval "$script \\"\\$@\\"" ;;
  esac
}
stop() {
  if [ -n "$SERVER" ]; then
    kill "$SERVER"
    wait "$SERVER" || true
    SERVER=
  fi
}
trap stop EXIT
`;

export interface Shell {
  /** An empty folder at first. */
  folder: string;
  /** Where the services that it starts listen. */
  url: string;
  /** Runs a script to its end and answers what it prints; rejects when one of its commands fails. */
  run(script: string, env?: Record<string, string>): Promise<string>;
  remove(): Promise<void>;
}

export async function openShell(): Promise<Shell> {
  const folder = await mkdtemp(join(tmpdir(), 'agent-secrets-docs-'));
  const port = String(await freePort());
  const built = await ensureBuilt();
  return {
    folder,
    url: `http://127.0.0.1:${port}`,
    async run(script, env = {}) {
      const { stdout } = await promisify(execFile)('bash', ['-e', '-o', 'pipefail', '-c', `${NPM}${script}`], {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: folder, PORT: port, BUILT: built, ROOT, DRAIN_DELAY_SECONDS: '0', ...env },
        maxBuffer: 16 * 1024 * 1024,
      });
      return stdout;
    },
    remove: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}
