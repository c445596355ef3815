// Addresses as psql reads them: what each part means, and what is refused, by its name and without quoting anything.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Address, addressOf } from '../../src/address/address.js';
import type { Host } from '../../src/address/hosts.js';

const folder = mkdtempSync(join(tmpdir(), 'agent-secrets-address-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const placesOf = ({ hosts }: Address) => hosts.map(({ address, port }) => [address, port]);
const passwordOf = (address: Address) => address.password(address.hosts[0] as Host);

describe('an address', () => {
  test.each<[string, [string, number][]]>([
    ['postgres://h/d', [['h', 5432]]],
    ['postgresql://u:p@h:6000/d', [['h', 6000]]],
    ['postgres://[::1]:6000/d', [['::1', 6000]]],
    [
      'postgres://a,b:6001,[2001:db8::1]/d',
      [
        ['a', 5432],
        ['b', 6001],
        ['2001:db8::1', 5432],
      ],
    ],
    ['postgres://u@%2Ftmp%2Fsockets:6000/d', [['/tmp/sockets/.s.PGSQL.6000', 6000]]],
    ['postgres:///d?host=/tmp/sockets&port=6000', [['/tmp/sockets/.s.PGSQL.6000', 6000]]],
    ['postgres://h/d?host=/tmp/sockets', [['/tmp/sockets/.s.PGSQL.5432', 5432]]],
    [
      'postgres:///d?host=a,/tmp/s&port=1,2',
      [
        ['a', 1],
        ['/tmp/s/.s.PGSQL.2', 2],
      ],
    ],
    [
      'postgres:///d?host=a,b&port=7',
      [
        ['a', 7],
        ['b', 7],
      ],
    ],
    ['postgres://h/d?hostaddr=10.0.0.1', [['10.0.0.1', 5432]]],
    ["host=/tmp/s port = 6000 dbname='d'", [['/tmp/s/.s.PGSQL.6000', 6000]]],
  ])('%s', (text, places) => {
    expect(placesOf(addressOf(text))).toEqual(places);
    expect(addressOf(text).database).toBe('d');
  });

  test('has user, password and database with every character, encoded or between quotes', async () => {
    const url = addressOf('postgres://us%40er:p%3Aa%2Fs%3Fs%25@h/d%20b');
    expect([url.user, await passwordOf(url), url.database]).toEqual(['us@er', 'p:a/s?s%', 'd b']);
    const pairs = addressOf(String.raw`user=us\ er password='it\'s = \\ 1' dbname=x`);
    expect([pairs.user, await passwordOf(pairs), pairs.database]).toEqual(['us er', "it's = \\ 1", 'x']);
    const question = addressOf('postgres://u:p?s@h/d');
    expect([placesOf(question), await passwordOf(question)]).toEqual([[['h', 5432]], 'p?s']);
  });

  test('without a part takes what psql takes: the variable, the user of the system, a Unix socket', async () => {
    const env = { PGHOST: 'from-env', PGPORT: '6000', PGUSER: 'eve', PGPASSWORD: 'pw', PGDATABASE: 'base' };
    const bare = addressOf('postgres://', env);
    expect([placesOf(bare), bare.user, await passwordOf(bare), bare.database]).toEqual([
      [['from-env', 6000]],
      'eve',
      'pw',
      'base',
    ]);
    const full = addressOf('postgres://u:p@h:1/d', env);
    expect([placesOf(full), full.user, await passwordOf(full), full.database]).toEqual([[['h', 1]], 'u', 'p', 'd']);
    const nothing = addressOf('postgres://');
    expect([nothing.user, nothing.database]).toEqual([userInfo().username, userInfo().username]);
    expect(placesOf(nothing)[0]?.[0]).toMatch(/^\/(var\/run\/postgresql|tmp)\/\.s\.PGSQL\.5432$/);
  });

  test('says how long to wait, whom to look for, and what a session starts with', () => {
    const text = 'postgres://a,b/d?connect_timeout=7&target_session_attrs=read-write&load_balance_hosts=random';
    expect(addressOf(`${text}&keepalives_idle=9&application_name=mine&options=-c%20work_mem%3D8MB`)).toMatchObject({
      connectTimeoutSeconds: 7,
      target: 'read-write',
      isShuffled: true,
      keepAliveSeconds: 9,
      startup: { application_name: 'mine', options: '-c work_mem=8MB' },
    });
    expect(addressOf('postgres://a/d?keepalives=0')).toMatchObject({ keepAliveSeconds: 0, target: 'any' });
  });

  test.each([
    ['', 'try', false],
    ['?sslmode=disable', 'never', false],
    ['?sslmode=allow', 'try', false],
    ['?sslmode=require', 'always', false],
    ['?ssl=true', 'always', false],
    ['?sslmode=verify-ca', 'always', true],
    ['?sslmode=verify-full', 'always', true],
    ['?sslrootcert=system', 'always', true],
  ])('with %j uses TLS: %s, with the certificate checked: %s', (query, use, isChecked) => {
    const { tls, hosts } = addressOf(`postgres://h/d${query}`);
    expect([tls.use, tls.options(hosts[0] as Host).rejectUnauthorized]).toEqual([use, isChecked]);
  });
});

describe('a password file', () => {
  const file = join(folder, 'passwords');

  test('is read at each connection, first line that fits', async () => {
    writeFileSync(file, '# hosts\nother:*:*:*:no\nh:5432:d\\:1:u:fits\\:well\n*:*:*:*:any\n', { mode: 0o600 });
    const address = addressOf(`postgres://u@h/d:1?passfile=${file}`);
    expect(await passwordOf(address)).toBe('fits:well');
    expect(await passwordOf(addressOf(`postgres://v@h/d?passfile=${file}`))).toBe('any');
    expect(await passwordOf(addressOf('postgres://v@h/d', { PGPASSFILE: file }))).toBe('any');
    writeFileSync(file, '*:*:*:*:another\n');
    expect(await passwordOf(address)).toBe('another');
    expect(await passwordOf(addressOf(`postgres://u:own@h/d?passfile=${file}`))).toBe('own');
  });

  test('that others may read, or that is not there, is refused by its path', () => {
    const open = join(folder, 'open');
    writeFileSync(open, '*:*:*:*:c4n4ry\n', { mode: 0o644 });
    expect(() => addressOf(`postgres://u@h/d?passfile=${open}`)).toThrow(`passfile: others may read ${open}`);
    expect(() => addressOf('postgres://u@h/d?passfile=/nowhere')).toThrow('passfile: /nowhere cannot be read (ENOENT)');
  });
});

describe('refused by name, and without a word of the rest, is', () => {
  const url = 'postgres://c4n4ry:c4n4ry@c4n4ry.example/c4n4ry';

  test.each([
    ['a parameter that is misspelt', `${url}?sslmod=c4n4ry`, 'sslmod'],
    ['a parameter of libpq that is not supported', `${url}?sslcrl=c4n4ry`, 'sslcrl'],
    ['a service', `${url}?service=c4n4ry`, 'service'],
    ['a setting of Postgres', `${url}?statement_timeout=c4n4ry`, 'statement_timeout'],
    ['channel binding that is required', `${url}?channel_binding=require`, 'channel_binding'],
    ['encryption by GSSAPI', `${url}?gssencmode=require`, 'gssencmode'],
    ['another encoding', `${url}?client_encoding=latin1`, 'client_encoding'],
    ['an sslmode that is none', `${url}?sslmode=no-verify`, 'sslmode'],
    ['a target that is none', `${url}?target_session_attrs=c4n4ry`, 'target_session_attrs'],
    ['a time that is none', `${url}?connect_timeout=c4n4ry`, 'connect_timeout'],
    ['a certificate that is not there', `${url}?sslrootcert=/nowhere`, 'sslrootcert'],
    ['system certificates that are not checked', `${url}?sslrootcert=system&sslmode=require`, 'sslrootcert'],
    ['a port that is none', 'postgres:///d?host=h&port=99999', 'port'],
    ['more ports than hosts', 'postgres:///d?host=h&port=1,2', 'port'],
    ['a name that is no plain word', `${url}?C4n4ry%20=x`, 'one of the parameters'],
    ['a password with a slash', 'postgres://u:c4n/4ry@h/d', 'percent-encoded'],
    ['a password with an @', 'postgres://u:c4n@4ry@h/d', 'percent-encoded'],
    ['a password with a %', 'postgres://u:c4n%4ry@h/d', 'percent-encoded'],
    ['a quote that is not closed', "password='c4n4ry dbname=d", 'expected a URL'],
    ['no address at all', 'c4n4ry', 'expected a URL'],
    ['an address of something else', 'mysql://c4n4ry@h/d?x=c4n4ry', 'expected a URL'],
  ])('%s', (_, text, name) => {
    let message = '';
    try {
      addressOf(text);
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain(name);
    expect(message).not.toMatch(/c4n|4ry/i);
  });

  test('a variable of psql that would change whom it connects to', () => {
    expect(() => addressOf(url, { PGSERVICE: 'x' })).toThrow('PGSERVICE is not supported; unset it');
  });

  test('a file that is no certificate, and a key of another certificate', () => {
    const file = join(folder, 'nonsense.pem');
    writeFileSync(file, 'c4n4ry');
    expect(() => addressOf(`${url}?sslrootcert=${file}`)).toThrow(/^sslrootcert, sslcert, sslkey or sslpassword: /);
    expect(() => addressOf(`${url}?sslcert=${file}&sslkey=${file}`)).toThrow(
      /^sslrootcert, sslcert, sslkey or sslpassword: /,
    );
  });
});
