// Checks what is known about an environment beside its log, against its seal and against an exported head.
import type { KeyObject } from 'node:crypto';
import { isSameDigest } from '../../crypto/digest.js';
import type { Session } from '../../store/engine/client.js';
import { findEnvironmentFacts } from '../../store/tenancy/environment-facts.js';
import { digestOfFacts, hasRightSeal } from '../keys/environment-facts.js';
import { LogFinding } from './log-finding.js';
import type { FactsHead } from './log-head.js';

const FACTS = 'its name, application, owner, deletion or min_data_key_version';

/** Throws a finding if the facts are not those that the service wrote. Without a key the seal is not checked. */
export async function checkFacts(
  session: Session,
  environmentId: string,
  { digestKey, head }: { digestKey: KeyObject | undefined; head: FactsHead | undefined },
): Promise<FactsHead> {
  const [facts] = await findEnvironmentFacts(session, [environmentId]);
  if (!facts) throw badFacts('its application or its account is gone');
  if (facts.applicationOwnerId !== facts.ownerId) throw badFacts('its owner is not the one of its application');
  const now = {
    version: facts.factsVersion,
    digest: digestOfFacts(facts),
    isSealed: facts.factsMac !== null,
  };
  if (head?.isSealed && !now.isSealed) throw badFacts(`the seal of ${FACTS} is gone, which a head was exported with`);
  if (digestKey && now.isSealed && !hasRightSeal(facts, digestKey)) {
    throw badFacts(`${FACTS} was changed past the service: the seal is of others`);
  }
  if (head && now.version < head.version) {
    throw badFacts(`${FACTS} is an old one: a head of version ${head.version} was exported, this is ${now.version}`);
  }
  if (head?.version === now.version && !isSameDigest(head.digest, now.digest)) {
    throw badFacts(`${FACTS} is not the one whose head was exported, and the service has changed none of them since`);
  }
  return now;
}

function badFacts(message: string): LogFinding {
  return new LogFinding('facts', null, message);
}
