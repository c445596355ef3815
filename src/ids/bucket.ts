// The bucket of an environment: one of 4,096, so that environments can one day live on different servers by groups.
import { hash } from 'node:crypto';

/**
 * The number that ids of the environment's secrets and shares carry: the first twelve bits of the SHA-256 of its id, as
 * text in lower case. It must never change, because ids are stored for good.
 */
export function bucketOf(environmentId: string): number {
  return Number.parseInt(hash('sha256', environmentId.toLowerCase(), 'hex').slice(0, 3), 16);
}
