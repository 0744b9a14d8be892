import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { SessileError } from '../../lib/errors.js';
import { EntryFiles } from '../../lib/internal/entry-files.js';
import { formatEntry, NotAnEntry, nameOf } from '../../lib/internal/entry-text.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { failureOf, folders, systemError, watched } from '../support/folder.js';

const entry = { data: '{"n":1}', cookie: '{"path":"/"}', expires: 5_000 };
const to = { expires: 9_000, cookie: entry.cookie };

describe('EntryFiles', () => {
  const folder = folders();

  function given(changes: Partial<Files> = {}) {
    const dir = folder();
    const path = join(dir, `${nameOf('a')}.json`);
    writeFileSync(path, formatEntry('a', entry));
    const files = watched(changes);
    return { dir, path, files, entryFiles: new EntryFiles(files) };
  }

  describe('read', () => {
    it('answers the entry in four calls, the last of which closes', () => {
      const { path, files, entryFiles } = given();
      expect(entryFiles.read(path, 'a')).to.deep.equal({ sid: 'a', ...entry });
      expect(files.calls).to.deep.equal(['findSync', 'readSync', 'closeSync']);
    });

    it('is undefined where there is no file, after one open and a look at the directory', () => {
      const { dir, files, entryFiles } = given();
      expect(entryFiles.read(join(dir, 'none'), 'a')).to.equal(undefined);
      expect(files.calls).to.deep.equal(['findSync', 'lstatSync']);
    });

    it('looks for the directory once where many that are not there are read in one go', () => {
      const { dir, path, files, entryFiles } = given();
      const lookTwice = () => {
        files.calls.length = 0;
        for (const name of ['none', 'neither']) expect(entryFiles.read(join(dir, name), 'a')).to.equal(undefined);
      };
      const once = ['findSync', 'lstatSync', 'findSync'];
      for (let time = 0; time < 2; time += 1) {
        entryFiles.inOneGo(lookTwice);
        expect(files.calls).to.deep.equal(once);
      }
      const failing = () => {
        lookTwice();
        throw new Error('of the caller');
      };
      expect(() => entryFiles.inOneGo(failing)).to.throw('of the caller');
      lookTwice();
      expect(files.calls).to.deep.equal([...once.slice(0, 2), ...once.slice(0, 2)]);
      rmSync(dir, { recursive: true });
      expect(() => entryFiles.inOneGo(() => entryFiles.read(path, 'a')))
        .to.throw(SessileError)
        .with.property('code', 'SESSILE_BAD_PATH');
    });

    it('is a coded error where the directory is gone, a file, or a link to another one', () => {
      const { dir, path, entryFiles } = given();
      rmSync(dir, { recursive: true });
      for (const make of [() => {}, () => writeFileSync(dir, ''), () => symlinkSync(folder(), dir)]) {
        rmSync(dir, { force: true });
        make();
        for (const act of [() => entryFiles.read(path, 'a'), () => entryFiles.stamp(path, 'a', to, 0)]) {
          expect(act).to.throw(SessileError).with.property('code', 'SESSILE_BAD_PATH');
        }
      }
      rmSync(dir);
    });

    it('compares the id with the one asked for, or, where none is, with the name', () => {
      const { dir, path, entryFiles } = given();
      expect(() => entryFiles.read(path, 'b')).to.throw(NotAnEntry);
      expect(entryFiles.read(path)).to.deep.equal({ sid: 'a', ...entry });
      const copy = join(dir, `${nameOf('b')}.json`);
      writeFileSync(copy, readFileSync(path));
      expect(() => entryFiles.read(copy)).to.throw(NotAnEntry);
      expect(() => entryFiles.read(copy, 'b')).to.throw(NotAnEntry);
    });

    it('reads files of any size, and small ones after large ones', () => {
      const { path, entryFiles } = given();
      for (const size of [65_535, 65_536, 65_537, 131_072, 1_000_000, 100, 262_144, 0]) {
        const data = JSON.stringify('x'.repeat(Math.max(0, size - formatEntry('a', { ...entry, data: '""' }).length)));
        writeFileSync(path, formatEntry('a', { ...entry, data }));
        expect(entryFiles.read(path, 'a')?.data === data, `${size} bytes`).to.equal(true);
      }
    });

    it('does not hand out what a later read writes over', () => {
      const { dir, path, entryFiles } = given();
      const first = entryFiles.read(path, 'a');
      const other = join(dir, `${nameOf('b')}.json`);
      writeFileSync(other, formatEntry('b', { data: '{"n":2}', cookie: '{"path":"!"}', expires: 1 }));
      entryFiles.read(other, 'b');
      expect(first).to.deep.equal({ sid: 'a', ...entry });
    });

    it('looks again where it caught a touch half way, and gives up after the third look', () => {
      let torn = 2;
      const readSync: Files['readSync'] = (fd, into, at) => {
        const length = nodeFiles.readSync(fd, into, at);
        torn -= 1;
        if (torn >= 0) into.write('9', 20);
        return length;
      };
      const { path, files, entryFiles } = given({ readSync });
      expect(entryFiles.read(path, 'a')).to.deep.equal({ sid: 'a', ...entry });
      expect(files.calls.filter((call) => call === 'findSync')).to.have.length(3);
      torn = 3;
      expect(() => entryFiles.read(path, 'a')).to.throw(NotAnEntry);
    });
  });

  describe('stamp', () => {
    it('moves the deadline in the file that is there', () => {
      const { path, entryFiles } = given();
      const { ino } = statSync(path);
      expect(entryFiles.stamp(path, 'a', to, 0)).to.equal(true);
      expect(readFileSync(path, 'utf8')).to.equal(formatEntry('a', { ...entry, expires: 9_000 }));
      expect(statSync(path).ino).to.equal(ino);
    });

    it('has nothing to do where there is no file, the entry is dead, or the cookie is not the expected one', () => {
      const { dir, path, files, entryFiles } = given();
      expect(entryFiles.stamp(join(dir, 'none'), 'a', to, 0)).to.equal(true);
      expect(entryFiles.stamp(path, 'a', to, 5_000)).to.equal(true);
      expect(entryFiles.stamp(path, 'a', { ...to, expected: '{}' }, 0)).to.equal(true);
      expect(files.calls).to.not.include('writeSync');
    });

    it('is false where the file has to be written anew or looked at as a whole', () => {
      const { path, files, entryFiles } = given();
      expect(entryFiles.stamp(path, 'a', { ...to, cookie: '{}' }, 0)).to.equal(false);
      expect(entryFiles.stamp(path, 'b', to, 0)).to.equal(false);
      writeFileSync(path, formatEntry('a', entry).replace('"version":1', '"version":2'));
      expect(entryFiles.stamp(path, 'a', to, 0)).to.equal(false);
      writeFileSync(path, formatEntry('a', { ...entry, cookie: JSON.stringify('x'.repeat(5_000)) }));
      expect(entryFiles.stamp(path, 'a', to, 0)).to.equal(false);
      expect(files.calls).to.not.include('writeSync');
    });

    it('finishes what the system wrote a part of', () => {
      const { path, entryFiles } = given({
        writeSync: (fd, text, at) => nodeFiles.writeSync(fd, text.slice(0, 7), at),
      });
      expect(entryFiles.stamp(path, 'a', to, 0)).to.equal(true);
      expect(readFileSync(path, 'utf8')).to.equal(formatEntry('a', { ...entry, expires: 9_000 }));
    });

    for (const [title, stop] of Object.entries<() => number>({
      fails: () => {
        throw systemError('ENOSPC', 'write');
      },
      'writes nothing more': () => 0,
    })) {
      it(`puts the former stamp back where the system wrote a part and then ${title}`, () => {
        let writes = 0;
        const writeSync: Files['writeSync'] = (fd, text, at) => {
          writes += 1;
          if (writes === 2) return stop();
          return nodeFiles.writeSync(fd, writes === 1 ? text.slice(0, 20) : text, at);
        };
        const { path, files, entryFiles } = given({ writeSync });
        expect(() => entryFiles.stamp(path, 'a', to, 0))
          .to.throw(SessileError)
          .with.property('code', 'SESSILE_IO');
        expect(readFileSync(path, 'utf8')).to.equal(formatEntry('a', entry));
        expect(files.calls.at(-1)).to.equal('closeSync');
      });
    }
  });

  describe('both', () => {
    const acts = {
      read: (files: EntryFiles, path: string) => files.read(path, 'a'),
      stamp: (files: EntryFiles, path: string) => files.stamp(path, 'a', to, 0),
    };
    for (const [name, act] of Object.entries(acts)) {
      it(`${name} takes no other kind of thing for an entry`, () => {
        const { dir, path, entryFiles } = given();
        const kinds: Record<string, (at: string) => unknown> = {
          directory: (at) => mkdirSync(at),
          link: (at) => symlinkSync(path, at),
          'dangling link': (at) => symlinkSync(join(dir, 'none'), at),
          fifo: (at) => expect(spawnSync('mkfifo', [at]).status).to.equal(0),
          'empty file': (at) => writeFileSync(at, ''),
        };
        for (const [kind, make] of Object.entries(kinds)) {
          make(join(dir, kind));
          expect(() => act(entryFiles, join(dir, kind)), kind).to.throw(NotAnEntry);
        }
        truncateSync(path, 30);
        expect(() => act(entryFiles, path)).to.throw(NotAnEntry);
      });

      for (const [call, code] of [
        ['findSync', 'EACCES'],
        ['findSync', 'EMFILE'],
        ['readSync', 'EIO'],
        ['closeSync', 'EIO'],
      ] as const) {
        it(`${name} fails with a coded error, and closes, where ${call} is refused with ${code}`, async () => {
          const fail = () => {
            throw systemError(code);
          };
          const { path, files, entryFiles } = given({ [call]: fail });
          const failure = await failureOf(() => act(entryFiles, path));
          expect(failure).to.be.instanceOf(SessileError).with.property('code', 'SESSILE_IO');
          expect(failure.cause).to.have.property('code', code);
          expect(files.calls.filter((one) => one === 'closeSync')).to.have.length(call === 'findSync' ? 0 : 1);
        });
      }

      it(`${name} fails with a coded error where the directory cannot be looked at`, async () => {
        const lstatSync = () => {
          throw systemError('EACCES', 'lstat');
        };
        const { dir, entryFiles } = given({ lstatSync });
        const failure = await failureOf(() => act(entryFiles, join(dir, 'none')));
        expect(failure).to.be.instanceOf(SessileError).with.property('code', 'SESSILE_IO');
      });
    }
  });
});
