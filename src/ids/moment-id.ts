// Ids of what something was at one of its revisions: the UUID of the secret or the environment, a colon, the revision.
import { uuidFrom } from './uuid.js';

export interface Moment {
  id: string;
  revision: bigint;
}

export function momentId({ id, revision }: Moment): string {
  return `${id}:${revision}`;
}

/** Undefined for any other text, and for a revision that Postgres could not count to. */
export function momentFrom(text: string): Moment | undefined {
  const [, idText = '', digits = ''] = /^(.{36}):(0|[1-9]\d{0,18})$/.exec(text) ?? [];
  const id = uuidFrom(idText);
  if (id === undefined) return undefined;
  const revision = BigInt(digits);
  return revision < 2n ** 63n ? { id, revision } : undefined;
}
