// The address under which the limits of clients count a request.
import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import { getConnInfo } from '@hono/node-server/conninfo';
import type { Context as HonoContext } from 'hono';

/** The client's address: an IPv4 address, or the first 64 bits of an IPv6 address, which one client has as a whole. */
export function clientAddress(c: HonoContext, trustProxy: boolean): string {
  return networkOfClient(
    trustProxy ? c.req.header('x-forwarded-for') : undefined,
    () => c.env?.incoming && getConnInfo(c).remote.address,
  );
}

/** The same, outside of the app. */
export function addressOfRequest({ headers, socket }: IncomingMessage, trustProxy: boolean): string {
  const forwarded = trustProxy ? headers['x-forwarded-for'] : undefined;
  return networkOfClient(String(forwarded ?? ''), () => socket.remoteAddress);
}

function networkOfClient(forwardedFor: string | undefined, remote: () => string | undefined): string {
  // Our own proxy has appended the last entry. The client can put anything into the others.
  const address = forwardedFor?.split(',').at(-1)?.trim() || remote();
  return address ? networkOf(withoutPort(address)) : 'unknown';
}

function withoutPort(address: string): string {
  if (isIP(address) !== 0) return address;
  return /^\[([^\]]+)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address;
}

function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const groups = groupsOf(address);
  const isMappedIPv4 = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff;
  if (isMappedIPv4)
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.');
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight groups of an IPv6 address. `URL` spells it with hexadecimal groups only. */
function groupsOf(address: string): number[] {
  const { hostname } = new URL(`http://[${address.replace(/%.*$/, '')}]`);
  const [before = [], after] = hostname
    .slice(1, -1)
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').map((group) => Number.parseInt(group, 16))));
  if (!after) return before;
  return [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
}
