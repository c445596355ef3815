// Variables that hold a secret may be given as a file instead: DATABASE_URL_FILE names a file with what DATABASE_URL is.
import { readFileSync } from 'node:fs';

/** TRANSIT_TOKEN has a file as well, which is read again when its token is refused; see start/master-keys.ts. */
const SECRETS = ['DATABASE_URL', 'MASTER_KEYS', 'PGPASSWORD'] as const;

/** The variables with the content of the files; the white space at its end does not count. */
export function withSecretFiles(given: NodeJS.ProcessEnv): { variables: NodeJS.ProcessEnv; problems: string[] } {
  const variables = { ...given };
  const problems: string[] = [];
  for (const name of SECRETS) {
    const file = given[`${name}_FILE`];
    if (file === undefined) continue;
    if (given[name] !== undefined) {
      problems.push(`${name}: give it or ${name}_FILE, not both`);
      continue;
    }
    try {
      const content = readFileSync(file, 'utf8').trimEnd();
      if (content === '') problems.push(`${name}_FILE: ${file} is empty`);
      else variables[name] = content;
    } catch (error) {
      problems.push(`${name}_FILE: ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  return { variables, problems };
}
