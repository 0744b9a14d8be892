import { spawnSync } from 'node:child_process';
import fs, { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { errnoOf, flags, nodeFiles } from '../../lib/internal/files.js';
import { failureOf, folders, systemError } from '../support/folder.js';

describe('files', () => {
  const folder = folders();
  const RECORD = 'abcdefghij1:77:88:0123456789ab';
  const found = (path: string, flag: number) => nodeFiles.findSync(path, flag) as number;

  /** The file system as one without symbolic links, or with another fault of `name`, while `act` runs. */
  function without<K extends 'symlinkSync' | 'writeSync' | 'readlinkSync'>(
    name: K,
    code: string,
    act: () => void,
  ): void {
    const real = fs[name];
    fs[name] = (() => {
      throw systemError(code, name);
    }) as unknown as typeof real;
    try {
      act();
    } finally {
      fs[name] = real;
    }
  }

  describe('findSync', () => {
    const noatime = (fs.constants as { O_NOATIME?: number }).O_NOATIME ?? 0;

    it('is undefined for what is not there, collects no stack, and leaves to others how long theirs are', () => {
      const [limit, path] = [Error.stackTraceLimit, join(folder(), 'none')];
      for (const wanted of [limit, 3]) {
        Error.stackTraceLimit = wanted;
        expect(nodeFiles.findSync(path, flags.read)).to.equal(undefined);
        expect(() => nodeFiles.findSync(join(path, '..'), flags.patch))
          .to.throw()
          .with.property('stack')
          .that.does.not.include('\n    at ');
        expect(Error.stackTraceLimit).to.equal(wanted);
        writeFileSync(path, '');
        nodeFiles.closeSync(found(path, flags.read));
        expect(Error.stackTraceLimit).to.equal(wanted);
        fs.rmSync(path);
      }
      Error.stackTraceLimit = limit;
    });

    for (const name of ['read', 'patch'] as const) {
      it(`for ${name} leaves the time of access as it is`, function () {
        if (noatime === 0) {
          console.log('      skipped: this system always writes the time of access');
          return this.skip();
        }
        const path = join(folder(), 'file');
        writeFileSync(path, 'content');
        fs.utimesSync(path, 1_000, 2_000);
        const fd = found(path, flags[name]);
        expect(nodeFiles.readSync(fd, Buffer.alloc(10), 0)).to.equal(7);
        nodeFiles.closeSync(fd);
        expect(statSync(path).atimeMs).to.equal(1_000_000);
      });

      it(`for ${name} opens as usual what belongs to somebody else`, () => {
        const path = join(folder(), 'file');
        writeFileSync(path, 'content');
        const real = fs.openSync;
        fs.openSync = ((file: string, flag: number) => {
          if ((flag & noatime) !== 0) throw systemError('EPERM');
          return real(file, flag);
        }) as typeof real;
        try {
          nodeFiles.closeSync(found(path, flags[name]));
        } finally {
          fs.openSync = real;
        }
      });
    }

    it('is undefined for what belonged to somebody else and is gone by the second try', function () {
      if (noatime === 0) {
        console.log('      skipped: this system always writes the time of access');
        return this.skip();
      }
      const path = join(folder(), 'file');
      const [real, limit] = [fs.openSync, Error.stackTraceLimit];
      fs.openSync = ((file: string, flag: number) => {
        if ((flag & noatime) !== 0) throw systemError('EPERM');
        return real(file, flag);
      }) as typeof real;
      try {
        expect(nodeFiles.findSync(path, flags.read)).to.equal(undefined);
      } finally {
        fs.openSync = real;
      }
      expect(Error.stackTraceLimit).to.equal(limit);
    });

    it('passes on any refusal that has another reason, at once', () => {
      const tries: number[] = [];
      const real = fs.openSync;
      for (const [code, flag] of [
        ['EACCES', flags.read],
        ['EPERM', flags.directory],
      ] as const) {
        fs.openSync = ((_path: string, asked: number) => {
          tries.push(asked);
          throw systemError(code);
        }) as unknown as typeof real;
        try {
          expect(() => nodeFiles.findSync('any', flag))
            .to.throw()
            .with.property('code', code);
        } finally {
          fs.openSync = real;
        }
      }
      expect(tries).to.deep.equal([flags.read, flags.directory]);
    });
  });

  describe('lockSync', () => {
    it('makes a link whose text is the record, once', () => {
      const path = join(folder(), 'lock');
      expect(nodeFiles.lockSync(path, RECORD)).to.equal(true);
      expect(readlinkSync(path)).to.equal(RECORD);
      expect(nodeFiles.lockSync(path, 'another')).to.equal(false);
      expect(readlinkSync(path)).to.equal(RECORD);
    });

    for (const code of ['EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'UNKNOWN']) {
      it(`makes a file with the record, mode 0600, once, where links are refused with ${code}`, () => {
        const path = join(folder(), 'lock');
        without('symlinkSync', code, () => {
          expect(nodeFiles.lockSync(path, RECORD)).to.equal(true);
          expect(nodeFiles.lockSync(path, 'another')).to.equal(false);
        });
        expect(readFileSync(path, 'utf8')).to.equal(RECORD);
        expect(statSync(path).mode & 0o777).to.equal(0o600);
        expect(nodeFiles.readLockSync(path)).to.equal(RECORD);
        expect(nodeFiles.lockSync(path, 'another')).to.equal(false);
      });
    }

    it('passes on any other refusal', () => {
      const dir = folder();
      expect(() => nodeFiles.lockSync(join(dir, 'none', 'lock'), RECORD))
        .to.throw()
        .with.property('code', 'ENOENT');
      without('symlinkSync', 'EPERM', () => {
        expect(() => nodeFiles.lockSync(join(dir, 'none', 'lock'), RECORD))
          .to.throw()
          .with.property('code', 'ENOENT');
      });
      without('symlinkSync', 'ENOSPC', () => {
        expect(() => nodeFiles.lockSync(join(dir, 'lock'), RECORD))
          .to.throw()
          .with.property('code', 'ENOSPC');
      });
    });

    it('leaves no lock behind that says nothing', () => {
      const path = join(folder(), 'lock');
      without('symlinkSync', 'EPERM', () =>
        without('writeSync', 'ENOSPC', () => {
          expect(() => nodeFiles.lockSync(path, RECORD))
            .to.throw()
            .with.property('code', 'ENOSPC');
        }),
      );
      expect(existsSync(path)).to.equal(false);
    });

    it('follows no link that is there', () => {
      const dir = folder();
      symlinkSync(join(dir, 'target'), join(dir, 'lock'));
      expect(nodeFiles.lockSync(join(dir, 'lock'), RECORD)).to.equal(false);
      without('symlinkSync', 'EPERM', () => expect(nodeFiles.lockSync(join(dir, 'lock'), RECORD)).to.equal(false));
      expect(existsSync(join(dir, 'target'))).to.equal(false);
    });
  });

  describe('readLockSync', () => {
    it('answers the text of a link without following it', () => {
      const dir = folder();
      writeFileSync(join(dir, 'target'), 'not this');
      symlinkSync(join(dir, 'target'), join(dir, 'lock'));
      expect(nodeFiles.readLockSync(join(dir, 'lock'))).to.equal(join(dir, 'target'));
    });

    it('answers the first bytes of a file, and nothing for what is no file', () => {
      const dir = folder();
      writeFileSync(join(dir, 'long'), 'x'.repeat(1_000));
      writeFileSync(join(dir, 'empty'), '');
      mkdirSync(join(dir, 'directory'));
      expect(spawnSync('mkfifo', [join(dir, 'fifo')]).status).to.equal(0);
      expect(nodeFiles.readLockSync(join(dir, 'long'))).to.equal('x'.repeat(64));
      for (const name of ['empty', 'directory', 'fifo'])
        expect(nodeFiles.readLockSync(join(dir, name)), name).to.equal('');
    });

    it('passes on that there is none, and any other refusal', () => {
      const path = join(folder(), 'lock');
      expect(() => nodeFiles.readLockSync(path))
        .to.throw()
        .with.property('code', 'ENOENT');
      without('readlinkSync', 'EIO', () => {
        expect(() => nodeFiles.readLockSync(path))
          .to.throw()
          .with.property('code', 'EIO');
      });
    });
  });

  describe('the flags', () => {
    it('follow no link', async () => {
      const dir = folder();
      writeFileSync(join(dir, 'target'), 'canary');
      symlinkSync(join(dir, 'target'), join(dir, 'link'));
      for (const flag of [flags.read, flags.patch]) {
        expect(() => nodeFiles.findSync(join(dir, 'link'), flag))
          .to.throw()
          .with.property('code', 'ELOOP');
      }
      for (const path of ['link', 'target']) {
        expect(await failureOf(() => nodeFiles.open(join(dir, path), flags.create))).to.have.property('code', 'EEXIST');
      }
      expect(readFileSync(join(dir, 'target'), 'utf8')).to.equal('canary');
    });
  });

  describe('writeSync', () => {
    it('writes in the middle of a file and leaves the rest', () => {
      const path = join(folder(), 'file');
      writeFileSync(path, '0123456789');
      const fd = found(path, flags.patch);
      expect(nodeFiles.writeSync(fd, 'abc', 4)).to.equal(3);
      nodeFiles.closeSync(fd);
      expect(readFileSync(path, 'utf8')).to.equal('0123abc789');
    });
  });

  describe('errnoOf', () => {
    it('is the code of an error that a system call made, and of no other', async () => {
      expect(errnoOf(await failureOf(() => readFileSync(join(folder(), 'none'))))).to.equal('ENOENT');
      expect(errnoOf(Object.assign(new Error(), { code: 'ENOENT' }))).to.equal(undefined);
      expect(errnoOf(new Error('x'))).to.equal(undefined);
    });
  });
});
