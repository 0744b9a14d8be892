import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { AtomicWriter } from '../../lib/internal/atomic-write.js';
import { Desk, NoRoom, Revoked } from '../../lib/internal/desk.js';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { ShortWrite } from '../../lib/internal/io-error.js';
import type { Signs } from '../../lib/internal/spares.js';
import { failureOf, folders, systemError, watched } from '../support/folder.js';

interface Settings {
  durable: boolean;
  isSole: boolean;
  reuses: boolean;
  signs: () => Signs;
  changes: Partial<Files>;
}

describe('AtomicWriter', () => {
  const folder = folders();

  function given({ durable = false, isSole = false, reuses = true, signs, changes = {} }: Partial<Settings> = {}) {
    const dir = folder();
    const [target, other, own] = [join(dir, 'target'), join(dir, 'other'), join(dir, 'desk')];
    mkdirSync(own);
    const files = watched(changes);
    const writer = new AtomicWriter(files, { durable, reuses });
    const desk = Object.assign(new Desk(own, signs), { isSole });
    writeFileSync(target, 'former', { mode: 0o600 });
    const write = (text = 'the next', to = target) => writer.write(to, text, desk);
    const left = () => [
      readdirSync(dir).filter((name) => name !== 'desk'),
      existsSync(own) ? readdirSync(own) : 'none',
    ];
    /** Takes the desk away, as `Writers` does. */
    const revoke = () => rmSync(own, { recursive: true });
    return { dir, target, other, own, files, writer, desk, write, left, revoke };
  }

  /** Where a spare is at hand that was `other`, and what is to be made of `target`. */
  async function givenSpare(settings: Partial<Settings> = {}, spare = 'what the other was') {
    const made = given({ isSole: true, ...settings });
    const path = made.desk.draft();
    writeFileSync(path, spare, { mode: 0o600 });
    made.desk.addSpare(path, made.other);
    return { ...made, spare: path };
  }

  const fails = (code: string) => () => Promise.reject(systemError(code));

  const failsAtOnce = (code: string) => () => {
    throw systemError(code);
  };

  /** A failing close closes all the same, as Linux does. */
  const failing = (name: string) => (name === 'closeSync' ? closesBadly : fails('EIO'));
  const closesBadly = (fd: number) => {
    nodeFiles.closeSync(fd);
    throw systemError('EIO');
  };

  describe('a new file', () => {
    it('has the whole text and mode 0600, takes the place of the former, and nothing else is left', async () => {
      for (const durable of [false, true]) {
        const { target, write, left } = given({ durable, reuses: false });
        const before = statSync(target).ino;
        const text = 'é😀'.repeat(50_000);
        await write(text);
        expect(readFileSync(target, 'utf8')).to.equal(text);
        expect(statSync(target).mode & 0o777).to.equal(0o600);
        expect(statSync(target).ino).to.not.equal(before);
        expect(left()).to.deep.equal([['target'], []]);
      }
    });

    it('is made by these calls in this order', async () => {
      const quick = given({ reuses: false });
      await quick.write();
      expect(quick.files.calls).to.deep.equal(['open', 'write', 'closeSync', 'rename']);
      const durable = given({ durable: true, reuses: false });
      await durable.write();
      expect(durable.files.calls).to.deep.equal(['open', 'write', 'fsync', 'closeSync', 'rename']);
    });

    it('is prepared at the desk, and gets its name by a rename from there', async () => {
      const paths: unknown[] = [];
      const changes: Partial<Files> = {
        open: async (path, ...others) => {
          paths.push(path);
          return nodeFiles.open(path, ...others);
        },
        rename: async (from, to) => {
          paths.push(from, to);
          await nodeFiles.rename(from, to);
        },
      };
      const { own, target, write } = given({ changes });
      await write();
      expect(paths).to.deep.equal([join(own, '1.tmp'), join(own, '1.tmp'), target]);
    });

    it('is a failure where less was written', async () => {
      const write: Files['write'] = (fd, bytes) => nodeFiles.write(fd, bytes.subarray(0, 3));
      const short = given({ changes: { write } });
      const failure = await failureOf(() => short.write());
      expect(failure).to.be.instanceOf(ShortWrite).with.property('message', 'only 3 of 8 bytes could be written');
      expect(readFileSync(short.target, 'utf8')).to.equal('former');
      expect(short.left()).to.deep.equal([['target'], []]);
    });

    for (const isSole of [false, true]) {
      for (const name of ['open', 'write', 'fsync', 'closeSync', 'rename'] as const) {
        const who = isSole ? 'alone' : 'beside others';
        it(`leaves the target and nothing else where ${name} fails ${who}, and passes on why`, async () => {
          const settings = { durable: true, isSole, changes: { [name]: failing(name) } };
          const { target, desk, write, left } = given(settings);
          expect(await failureOf(() => write())).to.have.property('code', 'EIO');
          expect(readFileSync(target, 'utf8')).to.equal('former');
          expect(left()).to.deep.equal([['target'], []]);
          expect(statSync(target).nlink).to.equal(1);
          expect(desk.takeSpare('another')).to.equal(undefined);
        });
      }
    }

    it('is never synced again where that failed', async () => {
      const { files, write } = given({ durable: true, changes: { fsync: fails('EIO') } });
      await failureOf(() => write());
      expect(files.calls.filter((call) => call === 'fsync')).to.have.length(1);
      expect(files.calls).to.not.include('rename');
    });

    it('tells the first failure where others follow', async () => {
      const changes = { write: fails('ENOSPC'), closeSync: closesBadly, unlink: fails('EACCES') };
      expect(await failureOf(() => given({ changes }).write())).to.have.property('code', 'ENOSPC');
    });

    it('is none that is there already, and no link is followed', async () => {
      const { dir, target, own, write } = given();
      symlinkSync(join(dir, 'elsewhere'), join(own, '1.tmp'));
      expect(await failureOf(() => write())).to.have.property('code', 'EEXIST');
      expect(existsSync(join(dir, 'elsewhere'))).to.equal(false);
      expect(readFileSync(target, 'utf8')).to.equal('former');
    });

    it('is not made where there is no room for a desk: what the system said is told', async () => {
      const { target, files, writer } = given();
      const refused = systemError('ENOSPC', 'mkdir');
      expect(await failureOf(() => writer.write(target, 'the next', new NoRoom(refused)))).to.equal(refused);
      expect(files.calls).to.deep.equal([]);
    });
  });

  describe('what is missing', () => {
    for (const name of ['open', 'rename'] as const) {
      it(`is the desk, where that was taken away before ${name}: Revoked, and nothing was done`, async () => {
        const { target, write, left, revoke } = given({
          changes: {
            [name]: async (...args: never[]) => {
              revoke();
              return (nodeFiles[name] as (...args: never[]) => Promise<unknown>)(...args);
            },
          },
        });
        expect(await failureOf(() => write())).to.be.instanceOf(Revoked);
        expect(readFileSync(target, 'utf8')).to.equal('former');
        expect(left()).to.deep.equal([['target'], 'none']);
      });
    }

    it('is the desk, where a spare was to be written anew', async () => {
      const { target, write, revoke } = await givenSpare();
      revoke();
      expect(await failureOf(() => write())).to.be.instanceOf(Revoked);
      expect(readFileSync(target, 'utf8')).to.equal('former');
    });

    it('is the directory, where that is gone with all', async () => {
      const { dir, write, target, writer, desk } = given();
      rmSync(dir, { recursive: true });
      expect(await failureOf(() => write())).to.have.property('code', 'SESSILE_BAD_PATH');
      expect(await failureOf(() => writer.remove(target, desk))).to.have.property('code', 'SESSILE_BAD_PATH');
      expect(await failureOf(() => writer.setAside(target, ['x'], desk))).to.have.property('code', 'SESSILE_BAD_PATH');
    });

    it('is nothing that is known, where the desk and the directory are there', async () => {
      const { write } = given({ changes: { rename: fails('ENOENT') } });
      expect(await failureOf(() => write())).to.have.property('code', 'ENOENT');
    });
  });

  describe('who is alone', () => {
    it('keeps what it replaced, and writes the next one into it', async () => {
      const { target, other, files, write, left } = given({ isSole: true });
      const { ino } = statSync(target);
      await write();
      expect(files.calls).to.deep.equal(['link', 'open', 'write', 'closeSync', 'rename']);
      expect(left()).to.deep.equal([['target'], ['2.tmp']]);
      files.calls.length = 0;
      await write('a text that is longer', other);
      expect(files.calls).to.deep.equal(['link', 'openSync', 'fstatSync', 'refillSync', 'closeSync', 'rename']);
      expect(statSync(other)).to.include({ ino, nlink: 1 });
      expect(readFileSync(other, 'utf8')).to.equal('a text that is longer');
      expect(readFileSync(target, 'utf8')).to.equal('the next');
      expect(left()).to.deep.equal([['other', 'target'], []]);
    });

    it('does not keep what it is told does not exist', async () => {
      const { other, writer, desk, files, left } = given({ isSole: true });
      await writer.write(other, 'new', desk, false);
      expect(files.calls).to.not.include('link');
      expect(left()).to.deep.equal([['other', 'target'], []]);
    });

    it('never writes into what the same target was, which a reader may have open', async () => {
      const { target, write } = given({ isSole: true });
      const seen = [statSync(target).ino];
      for (let round = 0; round < 5; round += 1) {
        const before = nodeFiles.openSync(target, 0);
        const text = readFileSync(target, 'utf8');
        await write(`round ${round}`);
        expect(readFileSync(before, 'utf8')).to.equal(text);
        nodeFiles.closeSync(before);
        expect(seen).to.not.include(statSync(target).ino);
        seen.push(statSync(target).ino);
      }
    });

    it('writes a shorter text into a spare, and nothing of what was there is left', async () => {
      const { target, write, files, left } = await givenSpare();
      await write('short');
      expect(readFileSync(target, 'utf8')).to.equal('short');
      expect(files.calls).to.include('ftruncateSync');
      expect(left()[0]).to.deep.equal(['target']);
    });

    it('syncs the data of a spare, before it gets its name', async () => {
      const { write, files } = await givenSpare({ durable: true });
      await write();
      expect(files.calls).to.include('fdatasync').and.not.include('fsync');
      expect(files.calls.indexOf('fdatasync')).to.be.lessThan(files.calls.indexOf('rename'));
    });

    for (const [title, spoil] of Object.entries<(spare: string, dir: string) => void>({
      'has a second name': (spare, dir) => linkSync(spare, join(dir, 'theirs')),
      'may be read by others': (spare) => chmodSync(spare, 0o644),
      'can be run': (spare) => chmodSync(spare, 0o700),
    })) {
      it(`does not write into a spare that ${title}: it is gone and a new one is made`, async () => {
        const { dir, target, spare, files, write, left } = await givenSpare();
        spoil(spare, dir);
        await write();
        const ours = ['openSync', 'fstatSync', 'closeSync', 'unlink', 'open', 'write', 'closeSync', 'rename'];
        expect(files.calls).to.deep.equal(['link', ...ours]);
        expect(readFileSync(target, 'utf8')).to.equal('the next');
        expect(statSync(target).mode & 0o777).to.equal(0o600);
        expect(left()[1]).to.deep.equal(['2.tmp']);
        if (!existsSync(join(dir, 'theirs'))) return;
        expect(readFileSync(join(dir, 'theirs'), 'utf8')).to.equal('what the other was');
        expect(statSync(join(dir, 'theirs')).nlink).to.equal(1);
      });
    }

    it('writes no spare, and keeps none, where files do not say whose they are', async () => {
      const { write, files, spare } = await givenSpare({ reuses: false });
      await write();
      expect(files.calls).to.deep.equal(['open', 'write', 'closeSync', 'rename']);
      expect(readFileSync(spare, 'utf8')).to.equal('what the other was');
    });

    it('writes into a new file what would hold the event loop', async () => {
      for (const [bytes, isLong] of [
        [65_536, false],
        [65_537, true],
      ] as const) {
        const { write, files, target } = await givenSpare();
        await write('x'.repeat(bytes));
        expect(files.calls.includes('refillSync'), String(bytes)).to.equal(!isLong);
        expect(statSync(target).size).to.equal(bytes);
      }
    });

    it('follows no link in place of a spare', async () => {
      const { dir, target, spare, write } = await givenSpare();
      writeFileSync(join(dir, 'theirs'), 'precious', { mode: 0o600 });
      unlinkSync(spare);
      symlinkSync(join(dir, 'theirs'), spare);
      expect(await failureOf(() => write())).to.have.property('code', 'ELOOP');
      expect(readFileSync(join(dir, 'theirs'), 'utf8')).to.equal('precious');
      expect(readFileSync(target, 'utf8')).to.equal('former');
    });

    for (const [name, change] of Object.entries<Partial<Files>>({
      'a short write': { refillSync: (fd, bytes) => nodeFiles.refillSync(fd, bytes.subarray(0, 3)) },
      ftruncate: { ftruncateSync: failsAtOnce('EIO') },
      fdatasync: { fdatasync: fails('EIO') },
      rename: { rename: fails('EIO') },
    })) {
      it(`leaves the target, and no spare, where ${name} fails`, async () => {
        const { target, desk, write, left } = await givenSpare({ durable: true, changes: change });
        const failure = await failureOf(() => write());
        if (name === 'a short write') expect(failure).to.be.instanceOf(ShortWrite);
        else expect(failure).to.have.property('code', 'EIO');
        expect(readFileSync(target, 'utf8')).to.equal('former');
        expect(statSync(target).nlink).to.equal(1);
        expect(left()).to.deep.equal([['target'], []]);
        expect(desk.takeSpare('another')).to.equal(undefined);
      });
    }

    it('asks no more where a file cannot have a second name, and writes all the same', async () => {
      const { target, files, desk, write } = given({ isSole: true, changes: { link: fails('EPERM') } });
      await write();
      expect(desk.canKeep).to.equal(false);
      await write('once more');
      expect(readFileSync(target, 'utf8')).to.equal('once more');
      expect(files.calls.filter((call) => call === 'link')).to.have.length(1);
    });

    it('asks again where that was refused for another reason', async () => {
      let refuse = true;
      const link: Files['link'] = async (from, to) => {
        if (refuse) throw systemError('ENOSPC');
        await nodeFiles.link(from, to);
      };
      const { desk, write } = given({ isSole: true, changes: { link } });
      await write();
      expect(desk.takeSpares()).to.deep.equal([]);
      refuse = false;
      await write('once more');
      expect(desk.takeSpares()).to.have.length(1);
    });

    it('asks again where there was nothing to keep', async () => {
      const { other, desk, write } = given({ isSole: true });
      await write('new', other);
      expect(desk.canKeep).to.equal(true);
      expect(readFileSync(other, 'utf8')).to.equal('new');
    });
  });

  it('writes what was replaced beside others anew only when they are done with it', async () => {
    let signs = new Map([['another', '1']]);
    const { dir, desk, files, write } = given({ signs: () => signs });
    const isAnew = async (name: string) => {
      files.calls.length = 0;
      await write('the next', join(dir, name));
      return files.calls.includes('refillSync');
    };
    for (let n = 0; n < 8; n += 1) writeFileSync(join(dir, `s${n}`), 'former', { mode: 0o600 });
    for (let n = 0; n < 8; n += 1) expect(await isAnew(`s${n}`)).to.equal(false);
    expect(await isAnew('t')).to.equal(false);
    signs = new Map([['another', '3']]);
    // It looks again in its time.
    for (let n = 0; !(await isAnew(`u${n}`)); n += 1) expect(n).to.be.lessThan(1_000);
    expect(desk.takeSpares()).to.have.length(7);
  });

  describe('a rename that is refused', () => {
    for (const code of ['EPERM', 'EACCES', 'EBUSY']) {
      it(`with ${code} is tried again after a pause`, async () => {
        const pauses: number[] = [];
        let refusals = 5;
        const { target, write } = given({
          changes: {
            pause: async (ms) => void pauses.push(ms),
            rename: async (from, to) => {
              refusals -= 1;
              if (refusals >= 0) throw systemError(code);
              await nodeFiles.rename(from, to);
            },
          },
        });
        await write('the next');
        expect(readFileSync(target, 'utf8')).to.equal('the next');
        expect(pauses).to.deep.equal([10, 20, 40, 80, 150]);
      });
    }

    it('for good is a failure after two seconds of pauses', async () => {
      let paused = 0;
      const pause = async (ms: number) => {
        paused += ms;
      };
      const { target, write, left } = given({ changes: { pause, rename: fails('EBUSY') } });
      expect(await failureOf(() => write())).to.have.property('code', 'EBUSY');
      expect(paused).to.equal(2_000);
      expect(readFileSync(target, 'utf8')).to.equal('former');
      expect(left()).to.deep.equal([['target'], []]);
    });

    it('while the desk is taken away is Revoked', async () => {
      let tries = 0;
      const made = given({
        changes: {
          pause: async () => made.revoke(),
          rename: async (from, to) => {
            tries += 1;
            if (tries === 1) throw systemError('EBUSY');
            await nodeFiles.rename(from, to);
          },
        },
      });
      expect(await failureOf(() => made.write())).to.be.instanceOf(Revoked);
      expect(readFileSync(made.target, 'utf8')).to.equal('former');
    });

    it('for any other reason is not tried again', async () => {
      const { files, write } = given({ changes: { rename: fails('ENOSPC') } });
      await failureOf(() => write());
      expect(files.calls.filter((call) => call === 'rename' || call === 'pause')).to.deep.equal(['rename']);
    });
  });

  describe('remove', () => {
    it('moves the file to the desk and removes it there', async () => {
      const { target, files, writer, desk, left } = given();
      await writer.remove(target, desk);
      expect(existsSync(target)).to.equal(false);
      expect(files.calls).to.deep.equal(['rename', 'unlink']);
      expect(left()).to.deep.equal([[], []]);
    });

    it('removes what is kept of the file too, and of no other', async () => {
      const { target, spare, writer, desk, write, left } = await givenSpare();
      await writer.write(target, 'x', desk);
      await write('y');
      expect(left()[1]).to.have.length(2);
      await writer.remove(target, desk);
      expect(left()).to.deep.equal([[], []]);
      expect(existsSync(spare)).to.equal(false);
      const another = await givenSpare();
      await another.writer.remove(another.target, another.desk);
      expect(another.left()).to.deep.equal([[], ['1.tmp']]);
    });

    it('is no error where the file is gone, and one where it cannot be removed', async () => {
      const { target, writer, desk, left } = given();
      await writer.remove(target, desk);
      await writer.remove(target, desk);
      expect(left()).to.deep.equal([[], []]);
      const refused = given({ changes: { rename: fails('EIO') } });
      expect(await failureOf(() => refused.writer.remove(refused.target, refused.desk))).to.have.property(
        'code',
        'EIO',
      );
      expect(readFileSync(refused.target, 'utf8')).to.equal('former');
    });

    it('is Revoked where the desk was taken away: the file is there', async () => {
      const { target, writer, desk, revoke } = given();
      revoke();
      expect(await failureOf(() => writer.remove(target, desk))).to.be.instanceOf(Revoked);
      expect(readFileSync(target, 'utf8')).to.equal('former');
    });

    it('is done where the desk is taken away after the file was moved there', async () => {
      const unlink: Files['unlink'] = async (path) => {
        made.revoke();
        await nodeFiles.unlink(path);
      };
      const made = given({ changes: { unlink } });
      await made.writer.remove(made.target, made.desk);
      expect(made.left()).to.deep.equal([[], 'none']);
    });

    it('tries twice to remove what it moved', async () => {
      for (const refusals of [1, 2]) {
        let left = refusals;
        const unlink: Files['unlink'] = async (path) => {
          if (left-- > 0) throw systemError('EBUSY', 'unlink');
          await nodeFiles.unlink(path);
        };
        const { target, writer, desk, own } = given({ changes: { unlink } });
        const act = () => writer.remove(target, desk);
        if (refusals === 1) await act();
        else expect(await failureOf(act)).to.have.property('code', 'EBUSY');
        expect(existsSync(target)).to.equal(false);
        expect(readdirSync(own)).to.have.length(refusals - 1);
      }
    });

    it('goes without a desk where the disk is full', async () => {
      const { target, writer, files } = given();
      const full = new NoRoom(systemError('ENOSPC'));
      await writer.remove(target, full);
      expect(existsSync(target)).to.equal(false);
      expect(files.calls).to.deep.equal(['unlink']);
      await writer.remove(target, full);
      const refused = given({ changes: { unlink: fails('EACCES') } });
      expect(await failureOf(() => refused.writer.remove(refused.target, full))).to.have.property('code', 'EACCES');
    });
  });

  describe('setAside', () => {
    it('gives what is there the first name that it can have, by way of the desk', async () => {
      const { dir, target, writer, desk, files, left } = given();
      const [first, second] = [join(dir, 'first'), join(dir, 'second')];
      mkdirSync(first);
      expect(await writer.setAside(target, [first, second], desk)).to.equal(second);
      expect(readFileSync(second, 'utf8')).to.equal('former');
      expect(left()).to.deep.equal([['first', 'second'], []]);
      expect(files.calls).to.deep.equal(['rename', 'rename', 'rename']);
    });

    it('moves a directory too, and a link without following it', async () => {
      for (const make of [(path: string) => mkdirSync(path), (path: string) => symlinkSync('/nowhere', path)]) {
        const { dir, target, writer, desk, left } = given();
        unlinkSync(target);
        make(target);
        expect(await writer.setAside(target, [join(dir, 'aside')], desk)).to.equal(join(dir, 'aside'));
        expect(left()).to.deep.equal([['aside'], []]);
      }
    });

    it('finds nothing where nothing is, with a desk or without', async () => {
      const { dir, target, writer, desk } = given();
      unlinkSync(target);
      for (const ground of [desk, new NoRoom(systemError('ENOSPC'))])
        expect(await writer.setAside(target, [join(dir, 'aside')], ground)).to.equal(undefined);
      rmSync(dir, { recursive: true });
      for (const ground of [desk, new NoRoom(systemError('ENOSPC'))]) {
        const failure = await failureOf(() => writer.setAside(target, [join(dir, 'aside')], ground));
        expect(failure).to.have.property('code', 'SESSILE_BAD_PATH');
      }
    });

    it('puts it back where it can have none of the names, and tells why it could not have the first', async () => {
      const rename: Files['rename'] = async (from, to) => {
        if (String(to).endsWith('aside')) throw systemError('EIO', 'rename');
        await nodeFiles.rename(from, to);
      };
      const { dir, target, writer, desk, left } = given({ changes: { rename } });
      const names = [join(dir, 'aside'), join(dir, 'gone', 'x')];
      expect(await failureOf(() => writer.setAside(target, names, desk))).to.have.property('code', 'EIO');
      expect(readFileSync(target, 'utf8')).to.equal('former');
      expect(left()).to.deep.equal([['target'], []]);
    });

    it('is Revoked where the desk was taken away, before or in the middle', async () => {
      const early = given();
      early.revoke();
      expect(await failureOf(() => early.writer.setAside(early.target, ['x'], early.desk))).to.be.instanceOf(Revoked);
      expect(readFileSync(early.target, 'utf8')).to.equal('former');
      const rename: Files['rename'] = async (from, to) => {
        if (from !== late.target) late.revoke();
        await nodeFiles.rename(from, to);
      };
      const late = given({ changes: { rename } });
      const act = () => late.writer.setAside(late.target, [join(late.dir, 'aside')], late.desk);
      expect(await failureOf(act)).to.be.instanceOf(Revoked);
    });

    it('goes without a desk where the disk is full', async () => {
      const { dir, target, writer, left } = given();
      const full = new NoRoom(systemError('ENOSPC'));
      expect(await writer.setAside(target, [join(dir, 'gone', 'x'), join(dir, 'aside')], full)).to.equal(
        join(dir, 'aside'),
      );
      expect(left()).to.deep.equal([['aside'], []]);
      const refused = given({ changes: { rename: fails('EIO') } });
      expect(await failureOf(() => refused.writer.setAside(refused.target, ['x'], full))).to.have.property(
        'code',
        'EIO',
      );
      expect(readFileSync(refused.target, 'utf8')).to.equal('former');
    });
  });
});
