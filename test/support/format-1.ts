// Values as versions of the service before format 2 have sealed them: AES-256-GCM, bound to neither path nor type.
import { createCipheriv, randomBytes } from 'node:crypto';
import type { DataKey } from '../../src/crypto/data-key.js';
import { additionalDataOfFormat1, type SealBinding } from '../../src/crypto/seal-binding.js';
import { openValue, sealedKeyVersion } from '../../src/crypto/sealing.js';
import type { Services } from '../../src/domain/request/services.js';
import { update } from '../store/log/tables-as-text.js';
import { type ValueRow, valueRows } from './sealed-values.js';

export function sealInFormat1(dataKey: DataKey, binding: SealBinding, plaintext: string): Uint8Array {
  const length = Buffer.byteLength(plaintext);
  const bucket = length + 4 <= 1024 ? 64 : 256;
  const padded = Buffer.alloc(Math.ceil((length + 4) / bucket) * bucket);
  padded.writeUInt32BE(length);
  padded.write(plaintext, 4);
  const head = Buffer.alloc(5, 1);
  head.writeUInt32BE(dataKey.version, 1);
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', dataKey.bytes, nonce);
  cipher.setAAD(additionalDataOfFormat1(dataKey, binding));
  return Buffer.concat([head, nonce, cipher.update(padded), cipher.final(), cipher.getAuthTag()]);
}

/** Replaces every value of the environment, current and former, by the same one in format 1 under the same key. */
export async function putIntoFormat1(services: Services, environmentId: string): Promise<void> {
  const keys = await services.keys.reload(environmentId);
  const inFormat1 = ({ id, path, secretType, revision, sealed }: ValueRow) => {
    const dataKey = keys.data(sealedKeyVersion(sealed));
    const binding = { environmentId, agentSecretId: id, path, secretType, revision };
    const bytes = sealInFormat1(dataKey, binding, openValue(dataKey, binding, sealed));
    const sealed_value = `\\x${Buffer.from(bytes).toString('hex')}`;
    return (
      update('agent_secret_revisions', { agent_secret_id: id, revision: String(revision) }, { sealed_value }) +
      update('agent_secrets', { id, value_revision: String(revision) }, { sealed_value })
    );
  };
  const statements = (await valueRows(services, environmentId)).map(inFormat1);
  await services.db.script(statements.join('\n'));
}
