import {
  chmodSync,
  type Dirent,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import express5 from 'express';
import session from 'express-session';
import express4 from 'express4';
import fc from 'fast-check';
import type { Entry } from '../../lib/backend.js';
import { FileBackend, type FileBackendOptions, FileStore } from '../../lib/backends/file.js';
import { SessileError } from '../../lib/errors.js';
import { nameOf } from '../../lib/internal/entry-text.js';
import { nodeFiles } from '../../lib/internal/files.js';
import { formatOwner, newOwner } from '../../lib/internal/owner.js';
import { backendCases, backendSuite } from '../conformance/backend.js';
import { httpSuite } from '../conformance/http.js';
import { Clock, hostileIds, randomIds, sessionOf } from '../conformance/samples.js';
import { storeCases, storeSuite } from '../conformance/store.js';
import { failureOf, folders, namesIn, program, snapshot, watched } from '../support/folder.js';

/** Which directory each backend or store of a suite has, to be removed with it. */
const directories = new WeakMap<object, string>();

function inFolder<T extends object>(open: (dir: string) => T): T {
  const dir = mkdtempSync(join(tmpdir(), 'sessile-'));
  const made = open(dir);
  directories.set(made, dir);
  return made;
}

function dirOf(made: object): string {
  return directories.get(made) as string;
}

async function remove(store: FileStore): Promise<void> {
  await store.closeAsync();
  rmSync(dirOf(store), { recursive: true, force: true });
}

/** A store whose directory is gone: whatever is asked of it fails. */
function failing(options: ConstructorParameters<typeof FileStore>[1]): FileStore {
  const store = inFolder((dir) => new FileStore(dir, options));
  rmSync(dirOf(store), { recursive: true });
  return store;
}

const file = new URL('../../lib/backends/file.ts', import.meta.url).href;
let programs = 0;

/** With fsync only the cases that write one session or a few: it changes how they are written and nothing else. */
const written = /^(read|get|set|touch|destroy|update|order|merge|logout|clear|prune)\//;
const heavy = /^(update\/(atomic.*|parallel)|touch\/parallel|prune\/(slices|renewed))$/;
const few = (cases: readonly { readonly id: string }[]) =>
  cases.map(({ id }) => id).filter((id) => written.test(id) && !heavy.test(id));

for (const fsync of [false, true]) {
  backendSuite({
    title: `FileBackend, fsync ${fsync}`,
    describe,
    it,
    create: () => inFolder((dir) => new FileBackend(dir, { fsync })),
    destroy: (backend) => rmSync(dirOf(backend), { recursive: true }),
    many: fsync ? 100 : 500,
    randomIds: 200,
    ...(fsync && { only: few(backendCases) }),
  });

  storeSuite<FileStore>({
    title: `FileStore, fsync ${fsync}`,
    describe,
    it,
    create: (options) => inFolder((dir) => new FileStore(dir, { ...options, fsync })),
    destroy: remove,
    failing,
    corrupt: (store, sid) => writeFileSync(join(dirOf(store), `${nameOf(sid)}.json`), '{"expires":'),
    program: openingProgram,
    randomIds: 200,
    ...(fsync && { only: few(storeCases) }),
  });
}

function openingProgram(body: string): string {
  programs += 1;
  const dir = join(tmpdir(), `sessile-program-${process.pid}-${programs}`);
  process.once('exit', () => rmSync(dir, { recursive: true, force: true }));
  return `import { FileStore } from '${file}'; const store = new FileStore(${JSON.stringify(dir)}); ${body}`;
}

for (const [version, express] of [
  ['5', express5],
  ['4', express4],
] as const) {
  httpSuite<FileStore>({
    title: `FileStore, Express ${version}`,
    describe,
    it,
    express,
    session,
    create: (options) => inFolder((dir) => new FileStore(dir, options)),
    destroy: remove,
    failing,
  });
}

const NOW = 1_700_000_000_000;
const entry: Entry = { data: '{"n":1}', cookie: '{"path":"/"}', expires: NOW + 60_000 };

function fieldsOf(found: Entry | undefined): Entry | undefined {
  return found && { data: found.data, cookie: found.cookie, expires: found.expires };
}

describe('FileBackend', () => {
  const folder = folders();
  const fileOf = (dir: string, sid: string) => join(dir, `${nameOf(sid)}.json`);
  const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

  describe('its directory', () => {
    for (const umask of [0o000, 0o022, 0o077]) {
      it(`is made 0700 and its files 0600 under a umask of ${umask.toString(8).padStart(3, '0')}`, async () => {
        const former = process.umask(umask);
        try {
          const dir = join(folder(), 'not', 'yet', 'there');
          for (const fsync of [false, true]) await new FileBackend(dir, { fsync }).update('a', () => entry);
          expect(mode(dir)).to.equal('700');
          expect(mode(fileOf(dir, 'a'))).to.equal('600');
          await new FileBackend(dir).update('a', () => ({ ...entry, data: '{}' }));
          expect(mode(fileOf(dir, 'a'))).to.equal('600');
        } finally {
          process.umask(former);
        }
      });
    }

    it('keeps the mode and the other files of one that is there', async () => {
      const dir = folder();
      chmodSync(dir, 0o750);
      writeFileSync(join(dir, 'README'), 'mine');
      await new FileBackend(dir).update('a', () => entry);
      expect(mode(dir)).to.equal('750');
      expect(namesIn(dir).sort()).to.deep.equal([`${nameOf('a')}.json`, 'README'].sort());
    });

    it('is taken relative to the working directory at that moment', async () => {
      const [here, root] = [process.cwd(), folder()];
      try {
        process.chdir(root);
        const backend = new FileBackend('sessions');
        process.chdir(here);
        await backend.update('a', () => entry);
        expect(existsSync(fileOf(join(root, 'sessions'), 'a'))).to.equal(true);
      } finally {
        process.chdir(here);
      }
    });

    for (const [title, dir] of Object.entries({
      missing: undefined,
      empty: '',
      null: null,
      'a number': 7,
      'an object': {},
      'a URL': new URL('file:///tmp'),
    })) {
      it(`that is ${title} is a TypeError`, () => {
        for (const open of [(path: string) => new FileBackend(path), (path: string) => new FileStore(path)]) {
          expect(() => open(dir as string))
            .to.throw(TypeError, /FileStore: dir must be the path of a directory/)
            .with.property('code', 'SESSILE_MISUSE');
        }
      });
    }

    it('that is a file, or has a file or a link to nothing in its path, is SESSILE_BAD_PATH, and nothing is changed', () => {
      const root = folder();
      writeFileSync(join(root, 'file'), 'mine');
      symlinkSync(join(root, 'nothing'), join(root, 'dangling'));
      const before = snapshot(root);
      for (const path of ['file', 'file/below', 'file/far/below', 'dangling', 'with\0NUL']) {
        expect(() => new FileStore(join(root, path)), path)
          .to.throw(SessileError)
          .with.property('code', 'SESSILE_BAD_PATH');
      }
      expect(() => new FileStore(join(root, 'file'))).to.throw(
        /file cannot hold sessions: it, or a part of it, is no dir/,
      );
      expect(snapshot(root)).to.deep.equal(before);
    });

    it('that may not be written, read or entered, or made, is SESSILE_BAD_PATH', async function () {
      if (process.getuid?.() !== 0) {
        console.log('      skipped: only root can try this as somebody else here');
        this.skip();
      }
      const root = folder();
      chmodSync(root, 0o755);
      for (const [name, bits] of Object.entries({ readonly: 0o755, writeonly: 0o733, closed: 0o766, foreign: 0o700 })) {
        mkdirSync(join(root, name));
        chmodSync(join(root, name), bits);
      }
      const paths = ['readonly', 'writeonly', 'closed', 'foreign', 'foreign/below', 'new'].map((path) =>
        join(root, path),
      );
      const printed = await program(
        `import { FileStore } from lib('backends/file.ts');
        for (const path of ${JSON.stringify(paths)}) {
          try {
            new FileStore(path);
            console.log('opened', path);
          } catch ({ code, message, cause }) {
            console.log(code, message.includes(path), cause.code);
          }
        }`,
        { uid: 65_534 },
      );
      expect(printed).to.equal('SESSILE_BAD_PATH true EACCES\n'.repeat(paths.length));
      expect(readdirSync(root).sort()).to.deep.equal(['closed', 'foreign', 'readonly', 'writeonly']);
    });

    it('may be long, have spaces and letters of any script', async () => {
      const dir = join(folder(), 'ein Ordner', 'папка 😀', "it's");
      const backend = new FileBackend(dir);
      await backend.update('a', () => entry);
      expect(fieldsOf(await backend.read('a'))).to.deep.equal(entry);
      expect(namesIn(dir)).to.deep.equal([`${nameOf('a')}.json`]);
    });
  });

  describe('its options', () => {
    const wrong: [FileBackendOptions, RegExp][] = [
      [{ fsync: 'yes' as unknown as boolean }, /fsync must be true or false/],
      [{ fsync: null as unknown as boolean }, /fsync must be true or false/],
      [{ lockTimeout: -1 }, /lockTimeout must be a finite number of milliseconds >= 1, not -1/],
      [{ lockTimeout: 0 }, /lockTimeout/],
      [{ lockTimeout: Number.NaN }, /lockTimeout/],
      [{ lockStaleAge: Number.POSITIVE_INFINITY }, /lockStaleAge/],
      [{ lockStaleAge: '5' as unknown as number }, /lockStaleAge/],
    ];
    for (const [n, [options, words]] of wrong.entries()) {
      it(`wrong in way ${n}, are a TypeError before a directory is made`, () => {
        const dir = join(folder(), 'new');
        expect(() => new FileStore(dir, options))
          .to.throw(TypeError, words)
          .with.property('code', 'SESSILE_MISUSE');
        expect(existsSync(dir)).to.equal(false);
      });
    }

    it('of an unknown name are a TypeError with the likely spelling', () => {
      const options = { fsnyc: true } as FileBackendOptions;
      expect(() => new FileStore(folder(), options)).to.throw(TypeError, 'did you mean "fsync"?');
    });
  });

  describe('hostile ids', function () {
    this.timeout(300_000);
    const looksLikeAPath = fc.string({ unit: fc.constantFrom('.', '/', '\\', 'a', '\0', ':'), maxLength: 12 });
    const anyId = fc.oneof(
      fc.string({ unit: fc.integer({ min: 0, max: 0xff_ff }).map((unit) => String.fromCharCode(unit)), maxLength: 40 }),
      fc.string({ unit: 'grapheme' }),
      looksLikeAPath,
      fc.constantFrom(...hostileIds),
    );

    it('of any kind, 10 000 of them, have names of their own, all in the directory itself', () => {
      const names = new Map<string, string>();
      const check = (sid: string) => {
        const name = nameOf(sid);
        expect(name).to.match(/^[\da-f]{64}$/);
        expect(names.get(name) ?? sid).to.equal(sid);
        names.set(name, sid);
      };
      fc.assert(fc.property(anyId, check), { numRuns: 10_000 });
      for (const sid of [...hostileIds, ...randomIds(10_000, 11)]) check(sid);
      expect(names.size).to.be.greaterThan(10_000);
    });

    it('round-trip, 10 000 of them, and never write or read outside the directory', async () => {
      const root = folder();
      const dir = join(root, 'a', 'sessions');
      const backend = new FileBackend(dir);
      writeFileSync(join(root, 'x'), 'canary');
      writeFileSync(join(root, 'a', 'x.json'), '{"canary":true}');
      const around = () => Object.entries(snapshot(root)).filter(([path]) => !path.startsWith('a/sessions'));
      const before = around();
      const stays = fc.asyncProperty(fc.uniqueArray(anyId, { minLength: 40, maxLength: 40 }), async (ids) => {
        await Promise.all(ids.map((sid) => backend.update(sid, () => ({ ...entry, data: JSON.stringify({ sid }) }))));
        for (const sid of ids) expect(JSON.parse((await backend.read(sid))?.data ?? '{}')).to.deep.equal({ sid });
        for (const name of namesIn(dir)) expect(name).to.match(/^[\da-f]{64}\.json$/);
        expect(namesIn(dir)).to.have.length(ids.length);
        const found: string[] = [];
        for await (const [sid] of backend.entries()) found.push(sid);
        expect(found.sort()).to.deep.equal(ids.sort());
        await Promise.all(ids.map((sid) => backend.update(sid, () => undefined)));
        expect(namesIn(dir)).to.deep.equal([]);
      });
      await fc.assert(stays, { numRuns: 250, endOnFailure: true });
      expect(around()).to.deep.equal(before);
    });

    it('that a case-insensitive or normalising file system would mix up stay apart', async () => {
      const backend = new FileBackend(folder());
      const ids = ['a', 'A', 'é', 'e\u0301', 'ß', 'ss', 'ﬁ', 'fi', 'İ', 'i', 'x.', 'x', 'x ', 'CON', 'con', '', '\0'];
      await Promise.all(ids.map((sid, n) => backend.update(sid, () => ({ ...entry, data: `{"n":${n}}` }))));
      for (const [n, sid] of ids.entries()) expect((await backend.read(sid))?.data).to.equal(`{"n":${n}}`);
    });

    it('change no prototype', async () => {
      const clock = new Clock();
      const store = new FileStore(folder(), { now: clock.now, pruneInterval: 0 });
      await store.setAsync('__proto__', sessionOf(clock, JSON.parse('{"__proto__":{"polluted":true}}') as object));
      expect(Object.keys(await store.allAsync())).to.deep.equal(['__proto__']);
      await store.getAsync('__proto__');
      expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
      await store.closeAsync();
    });
  });

  describe('a file', () => {
    it('is valid JSON on one line, the deadline first and at fixed width', async () => {
      const dir = folder();
      const backend = new FileBackend(dir);
      for (const expires of [0, 1, NOW, 8.64e15]) {
        await backend.update('a', () => ({ ...entry, expires }));
        const text = readFileSync(fileOf(dir, 'a'), 'utf8');
        expect(JSON.parse(text))
          .to.include({ expires, sid: 'a', version: 1 })
          .and.deep.include({ data: { n: 1 } });
        expect(text).to.match(/^\{"expires":[ \d]{16},"check":"[\da-f]{8}","sum":"[\da-f]{8}","version":1,[^\n]+\n$/);
      }
    });

    for (const size of [0, 4_096, 65_536, 131_072, 4_000_000]) {
      it(`of ${size} bytes, one less and one more, is read back whole, whichever came before`, async () => {
        const dir = folder();
        const backend = new FileBackend(dir);
        await backend.update('a', () => ({ ...entry, data: '""' }));
        const least = statSync(fileOf(dir, 'a')).size;
        const sizes = [size - 1, size, size + 1, size - 1].map((bytes) => Math.max(bytes, least));
        for (const bytes of sizes) {
          const data = JSON.stringify('x'.repeat(bytes - least));
          await backend.update('a', () => ({ ...entry, data }));
          expect(statSync(fileOf(dir, 'a')).size).to.equal(bytes);
          const found = await new FileBackend(dir).read('a');
          expect(found?.data === data && (await backend.read('a'))?.data === data).to.equal(true);
        }
        await backend.update('small', () => entry);
        expect(fieldsOf(await backend.read('small'))).to.deep.equal(entry);
      });
    }

    it('of several MB of text that is no ASCII is touched in place and merged like any other', async () => {
      const clock = new Clock();
      const store = new FileStore(folder(), { now: clock.now, pruneInterval: 0 });
      const text = 'Zoë 😀 \u2028 '.repeat(300_000);
      await store.setAsync('a', sessionOf(clock, { text }));
      await store.touchAsync('a', sessionOf(clock, {}, 120_000));
      clock.advance(90_000);
      expect((await store.getAsync('a')) as unknown as { text: string })
        .to.have.property('text')
        .that.satisfies((found: string) => found === text);
      await store.closeAsync();
    });
  });

  describe('touch', () => {
    async function given(cookie = entry.cookie, sid = 'a') {
      const dir = folder();
      const files = watched();
      const backend = new FileBackend(dir, {}, { files });
      await backend.update(sid, () => ({ ...entry, cookie }));
      const before = readFileSync(fileOf(dir, sid));
      files.calls.length = 0;
      return { path: fileOf(dir, sid), inode: statSync(fileOf(dir, sid)).ino, files, backend, before };
    }

    it('changes the bytes of the stamp only and keeps the inode, in four calls, without a lock', async () => {
      const { path, inode, files, backend, before } = await given();
      expect(await backend.touch('a', { expires: NOW + 1e9, cookie: entry.cookie }, NOW)).to.equal(undefined);
      expect(files.calls).to.deep.equal(['findSync', 'readSync', 'writeSync', 'closeSync']);
      const after = readFileSync(path);
      expect(statSync(path).ino).to.equal(inode);
      expect(after.length).to.equal(before.length);
      const changed = Array.from(after.keys()).filter((at) => after[at] !== before[at]);
      expect(changed.length).to.be.greaterThan(0);
      const [from, to] = ['{"expires":'.length, before.indexOf('","sum"')];
      expect(changed.every((at) => from <= at && at < to)).to.equal(true);
      expect(fieldsOf(await backend.read('a'))).to.deep.equal({ ...entry, expires: NOW + 1e9 });
    });

    it('with another cookie writes the file anew', async () => {
      const { path, inode, backend } = await given();
      await backend.touch('a', { expires: NOW + 1e9, cookie: '{"path":"/other"}' }, NOW);
      expect(statSync(path).ino).to.not.equal(inode);
      expect(fieldsOf(await backend.read('a'))).to.deep.equal({
        ...entry,
        cookie: '{"path":"/other"}',
        expires: NOW + 1e9,
      });
    });

    it('of a dead one, or one whose cookie is not the expected one, writes nothing', async () => {
      const { path, files, backend, before } = await given();
      await backend.touch('a', { expires: NOW + 1e9, cookie: entry.cookie }, entry.expires);
      await backend.touch('a', { expires: NOW + 1e9, cookie: '{}', expected: '{"path":"/other"}' }, NOW);
      expect(files.calls.filter((call) => call === 'writeSync')).to.deep.equal([]);
      expect(files.calls).to.not.include('open');
      expect(readFileSync(path).equals(before)).to.equal(true);
    });

    it('of one whose id or cookie is longer than the look it takes works like any other', async () => {
      for (const [cookie, sid] of [
        [JSON.stringify({ domain: 'é'.repeat(5_000) }), 'a'],
        [entry.cookie, '😀'.repeat(3_000)],
      ] as const) {
        const { backend } = await given(cookie, sid);
        await backend.touch(sid, { expires: NOW + 1e9, cookie }, NOW);
        expect(fieldsOf(await backend.read(sid))).to.deep.equal({ ...entry, cookie, expires: NOW + 1e9 });
      }
    });

    it('of an absent one makes no file and no lock', async () => {
      const { files, backend } = await given();
      expect(await backend.touch('b', { expires: NOW + 1e9, cookie: entry.cookie }, NOW)).to.equal(undefined);
      expect(files.calls).to.deep.equal(['findSync', 'lstatSync']);
    });
  });

  describe('a miss', () => {
    it('is one open that fails, and a look at the directory; nothing else, and no word', async () => {
      const files = watched();
      const backend = new FileBackend(folder(), {}, { files });
      const reports: Error[] = [];
      backend.report = (error) => reports.push(error);
      const [log, error] = [console.log, console.error];
      const said: unknown[] = [];
      console.log = console.error = (...words: unknown[]) => void said.push(words);
      try {
        expect(await backend.read('unknown')).to.equal(undefined);
      } finally {
        [console.log, console.error] = [log, error];
      }
      expect(files.calls).to.deep.equal(['findSync', 'lstatSync']);
      expect([said, reports]).to.deep.equal([[], []]);
    });

    it('of a store is undefined, without an error', async () => {
      const store = new FileStore(folder(), { pruneInterval: 0 });
      const args = await new Promise<unknown[]>((done) => store.get('unknown', (...given: unknown[]) => done(given)));
      expect(args.every((arg) => arg === null || arg === undefined)).to.equal(true);
      await store.closeAsync();
    });
  });

  describe('two stores on one directory in one process', () => {
    it('see each other’s writes, touches and removals', async () => {
      const dir = folder();
      const [one, two] = [new FileBackend(dir), new FileBackend(dir)];
      await one.update('a', () => entry);
      expect(fieldsOf(await two.read('a'))).to.deep.equal(entry);
      await two.touch('a', { expires: NOW + 1e9, cookie: entry.cookie }, NOW);
      expect(fieldsOf(await one.read('a'))).to.deep.equal({ ...entry, expires: NOW + 1e9 });
      await two.update('a', () => undefined);
      expect(await one.read('a')).to.equal(undefined);
    });

    it('lose none of their increments', async () => {
      const dir = folder();
      const backends = [new FileBackend(dir), new FileBackend(dir), new FileBackend(dir)];
      const increment = (backend: FileBackend) =>
        backend.update('a', (found) => ({ ...entry, data: String(Number(found?.data ?? 0) + 1) }));
      await Promise.all(Array.from({ length: 150 }, (_, n) => increment(backends[n % 3] as FileBackend)));
      expect((await backends[0]?.read('a'))?.data).to.equal('150');
      expect(namesIn(dir)).to.deep.equal([`${nameOf('a')}.json`]);
    });

    it('lock each other out while one writes', async () => {
      const dir = folder();
      let go: () => void = () => {};
      const gate = new Promise<void>((resolve) => {
        go = resolve;
      });
      let arrive: () => void = () => {};
      const arrived = new Promise<void>((resolve) => {
        arrive = resolve;
      });
      const files = watched({
        rename: async (from, to) => {
          if (String(to).endsWith(`${nameOf('a')}.json`)) {
            arrive();
            await gate;
          }
          await nodeFiles.rename(from, to);
        },
      });
      const [slow, other] = [new FileBackend(dir, {}, { files }), new FileBackend(dir, { lockTimeout: 30 })];
      for (const backend of [slow, other]) await backend.update('b', () => entry);
      const writing = Promise.resolve(slow.update('a', () => entry));
      await Promise.race([arrived, writing]);
      let called = false;
      const refused = await failureOf(() =>
        other.update('a', () => {
          called = true;
          return undefined;
        }),
      );
      expect(refused).to.be.instanceOf(SessileError).with.property('code', 'SESSILE_LOCK_TIMEOUT');
      expect(called, 'change was called without the lock').to.equal(false);
      await other.update('b', () => entry);
      go();
      await writing;
      await other.update('a', (found) => found && { ...found, data: '{"n":2}' });
      expect((await slow.read('a'))?.data).to.equal('{"n":2}');
      expect(namesIn(dir).filter((name) => !name.endsWith('.json'))).to.deep.equal([]);
    });
  });

  describe('with fsync', () => {
    /** A backend whose directory syncs wait for a word; what else is on the way is done as usual. */
    function held() {
      const dir = folder();
      const names: string[][] = [];
      const ends: (() => void)[] = [];
      const files = watched({
        openSync: (path, flags) => {
          if (path === dir) names.push(namesIn(dir));
          return nodeFiles.openSync(path, flags);
        },
        fsync: (async (fd: number) => {
          const isDirectory = fstatSync(fd).isDirectory();
          await nodeFiles.fsync(fd);
          if (isDirectory) await new Promise<void>((resolve) => ends.push(resolve));
        }) as typeof nodeFiles.fsync,
      });
      const until = async (begun: number) => {
        while (ends.length < begun) await new Promise((resolve) => setImmediate(resolve));
      };
      return { dir, ends, until, names, backend: new FileBackend(dir, { fsync: true }, { files }) };
    }

    async function turns(count: number): Promise<void> {
      for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    }

    it('answers when the directory was synced, and lets go of the lock before that', async () => {
      const { ends, until, names, backend, dir } = held();
      let isDone = false;
      const writing = Promise.resolve(backend.update('a', () => entry)).then(() => {
        isDone = true;
      });
      await until(1);
      await turns(20);
      expect(isDone).to.equal(false);
      expect(names).to.deep.equal([[`${nameOf('a')}.json`]]);
      await new FileBackend(dir, { lockTimeout: 1 }).update('a', () => entry);
      ends[0]?.();
      await writing;
    });

    it('has writes that wait for the directory hold up no other write', async () => {
      const { ends, until, backend, dir } = held();
      const first = backend.update('first', () => entry);
      await until(1);
      const others = Array.from({ length: 100 }, (_, n) => backend.update(`other ${n}`, () => entry));
      while (namesIn(dir).filter((name) => name.endsWith('.json')).length < 101) await turns(1);
      expect(ends, 'syncs while one runs').to.have.length(1);
      let isDone = false;
      const all = Promise.all([first, ...others]).then(() => {
        isDone = true;
      });
      for (; !isDone; await turns(1)) for (const end of ends) end();
      await all;
      expect(ends).to.have.length.within(2, 4);
    });

    it('answers that there is nothing to change only when that lasts, as another may have just removed it', async () => {
      const { ends, until, backend } = held();
      let isDone = false;
      const removing = Promise.resolve(backend.update('a', () => undefined)).then(() => {
        isDone = true;
      });
      await until(1);
      await turns(20);
      expect(isDone).to.equal(false);
      ends[0]?.();
      await removing;
    });

    it('waits likewise for a touch that writes the file anew, and for no other', async () => {
      const { ends, until, backend } = held();
      const writing = backend.update('a', () => entry);
      await until(1);
      ends[0]?.();
      await writing;
      await backend.touch('a', { expires: NOW + 9_000, cookie: entry.cookie }, NOW);
      expect(ends).to.have.length(1);
      let isDone = false;
      const touching = Promise.resolve(backend.touch('a', { expires: NOW + 9_000, cookie: '{}' }, NOW)).then(() => {
        isDone = true;
      });
      await until(2);
      await turns(20);
      expect(isDone).to.equal(false);
      ends[1]?.();
      await touching;
    });

    it('removes what it carried over only when its own lasts', async () => {
      const dir = folder();
      const theirs = join(dir, 'a.json');
      writeFileSync(theirs, JSON.stringify({ cookie: { originalMaxAge: 60_000 }, __lastAccess: Date.now() }));
      const seen: boolean[] = [];
      const fsync = (async (fd: number) => {
        if (fstatSync(fd).isDirectory()) seen.push(existsSync(theirs));
        await nodeFiles.fsync(fd);
      }) as typeof nodeFiles.fsync;
      const backend = new FileBackend(
        dir,
        { fsync: true, adopt: 'session-file-store' },
        { files: { ...nodeFiles, fsync } },
      );
      await backend.update('a', () => entry);
      expect(namesIn(dir)).to.deep.equal([`${nameOf('a')}.json`]);
      expect(seen).to.deep.equal([true, false]);
    });
  });

  it('ends a prune early where its owner closes, and answers how many it removed', async () => {
    const backend = new FileBackend(folder());
    for (const sid of ['a', 'b', 'c']) await backend.update(sid, () => entry);
    expect(await backend.prune(entry.expires, AbortSignal.abort())).to.equal(0);
    expect(await backend.prune(entry.expires, new AbortController().signal)).to.equal(3);
    await backend.close();
  });

  describe('what one turn of the event loop asks for', () => {
    it('is done back to back when it ends', async () => {
      const files = watched();
      const backend = new FileBackend(folder(), {}, { files });
      for (const sid of ['a', 'b']) await backend.update(sid, () => entry);
      files.calls.length = 0;
      const asked = [
        backend.read('a'),
        backend.touch('b', { expires: NOW + 1e9, cookie: entry.cookie }, NOW),
        ...['no', 'none'].map((sid) => backend.read(sid)),
      ];
      expect(files.calls).to.deep.equal([]);
      const calls = new Promise((resolve) => {
        asked[0]?.then(() => resolve([...files.calls]));
      });
      expect(await calls).to.deep.equal([
        ...['findSync', 'readSync', 'closeSync'],
        ...['findSync', 'readSync', 'writeSync', 'closeSync'],
        // One look at the directory is enough for both that are not there.
        ...['findSync', 'lstatSync', 'findSync'],
      ]);
      const [found, , ...none] = await Promise.all(asked);
      expect([fieldsOf(found as Entry), ...none]).to.deep.equal([entry, undefined, undefined]);
      expect((await backend.read('b'))?.expires).to.equal(NOW + 1e9);
    });

    it('keeps its order with what is written and cleared', async () => {
      const backend = new FileBackend(folder());
      const write = (data: string) => backend.update('a', () => ({ ...entry, data }));
      const extend = (by: number) => backend.touch('a', { expires: NOW + by, cookie: entry.cookie }, NOW);
      await write('1');
      const asked = [backend.read('a'), write('2'), backend.read('a'), extend(1e9), write('3'), backend.read('a')];
      const [first, , second, , , third] = await Promise.all(asked);
      expect([first, second, third].map((found) => (found as Entry).data)).to.deep.equal(['1', '2', '3']);
      expect(third, 'the touch came before the write').to.include({ expires: entry.expires });
      const [, last] = await Promise.all([extend(1e9), backend.read('a'), backend.clear()]);
      expect(last).to.include({ data: '3', expires: NOW + 1e9 });
      expect(await backend.read('a')).to.equal(undefined);
    });
  });

  it('brings no session back that ends while a touch waits', async () => {
    let now = NOW;
    const backend = new FileBackend(folder(), {}, { clock: () => now });
    for (const cookie of [entry.cookie, '{"path":"/other"}']) {
      now = NOW;
      await backend.update('a', () => entry);
      const busy = backend.update('a', (found) => found);
      const touching = backend.touch('a', { expires: NOW + 1e6, cookie }, now);
      now = entry.expires;
      await Promise.all([busy, touching]);
      expect(fieldsOf(await backend.read('a'))).to.deep.equal(entry);
    }
    await backend.close();
  });

  it('keeps nothing of a session that has ended, nor of what it was before', async () => {
    const dir = folder();
    const backend = new FileBackend(dir);
    for (const sid of ['other', 'other', 'mine', 'mine', 'mine', 'other']) {
      await backend.update(sid, () => ({ ...entry, data: `{"of":"${sid}"}` }));
    }
    const mine = () =>
      (readdirSync(dir, { recursive: true, withFileTypes: true }) as Dirent[])
        .filter((found) => found.isFile())
        .filter(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8').includes('"of":"mine"'));
    expect(mine().length).to.be.greaterThan(1);
    await backend.update('mine', () => undefined);
    expect(mine()).to.deep.equal([]);
    await backend.close();
  });

  describe('prune', () => {
    it('removes what dead writers left, and keeps what somebody still needs', async () => {
      const dir = folder();
      const backend = new FileBackend(dir);
      await backend.update('a', () => entry);
      const [a, b] = [nameOf('a'), nameOf('b')];
      const dead = join(dir, '.writers', `${formatOwner({ ...newOwner(), start: '1' })}`);
      mkdirSync(dead);
      writeFileSync(join(dead, '1.tmp'), 'half a session');
      writeFileSync(join(dir, `${a}.corrupt`), 'for a person');
      symlinkSync('abcdefghij1-1-1-000000000000-x', join(dir, `${b}.lock`));
      symlinkSync('abcdefghij2-1-1-000000000000', join(dir, `${b}.abcdefghij1-x.break`));
      expect(await backend.prune(Date.now())).to.equal(1);
      const kept = [`${a}.corrupt`, `${b}.abcdefghij1-x.break`, `${b}.lock`];
      expect(existsSync(dead)).to.equal(false);
      expect(namesIn(dir).sort(), 'an owner of another place may be alive').to.deep.equal(kept.sort());
      for (let round = 0; round < 2; round += 1) await backend.prune(Date.now() + 2 * 3_600_000);
      expect(namesIn(dir)).to.deep.equal([`${a}.corrupt`]);
    });
  });

  describe('in a program', () => {
    const open = (dir: string) =>
      `import { FileStore } from lib('backends/file.ts'); const store = new FileStore(${JSON.stringify(dir)});`;
    const one = `{ n: 1, cookie: { originalMaxAge: null, expires: null, path: '/' } }`;

    it('that opens a store and does nothing, lets it end', async () => {
      const dir = join(folder(), 'new');
      expect(await program(open(dir))).to.equal('');
      expect(namesIn(dir)).to.deep.equal([]);
    });

    it('that leaves writes in flight and closes, lets it end after they are done and the files are there', async () => {
      const dir = folder();
      const printed = await program(`
        ${open(dir)}
        for (let n = 0; n < 50; n += 1) store.set('id ' + n, ${one}, (error) => error && console.log(error));
        store.close((error) => console.log('closed', error ?? 'well'));
      `);
      expect(printed).to.equal('closed well\n');
      expect(namesIn(dir)).to.have.length(50);
      const store = new FileStore(dir, { pruneInterval: 0 });
      expect(await store.getAsync('id 49')).to.have.property('n', 1);
      await store.closeAsync();
    });
  });
});
