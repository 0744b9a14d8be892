import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { mock } from 'node:test';
import { expect } from 'chai';
import type { Files } from '../../lib/internal/files.js';
import { OpenFiles } from '../../lib/internal/open-files.js';
import { folders, systemError, watched } from '../support/folder.js';

describe('OpenFiles', () => {
  const folder = folders();
  const made: OpenFiles[] = [];

  beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }));
  afterEach(() => {
    for (const open of made.splice(0)) open.close();
    mock.timers.reset();
  });

  function given(changes: Partial<Files> = {}) {
    const dir = folder();
    const files = watched(changes);
    const open = new OpenFiles(files);
    made.push(open);
    const file = (name: string, text = name) => {
      writeFileSync(join(dir, name), text);
      return join(dir, name);
    };
    return { dir, files, open, file };
  }

  function textOf(fd: number | undefined): string {
    const bytes = Buffer.alloc(64);
    return bytes.toString('utf8', 0, readSync(fd as number, bytes, 0, bytes.length, 0));
  }

  const isOpen = (fd: number | undefined): boolean => {
    try {
      return fstatSync(fd as number) !== undefined;
    } catch {
      return false;
    }
  };

  it('opens a file once, and then looks where its path leads', () => {
    const { files, open, file } = given();
    const path = file('a');
    const fd = open.open(path);
    expect(files.calls).to.deep.equal(['openSync', 'fstatSync']);
    files.calls.length = 0;
    expect(open.open(path)).to.equal(fd);
    expect(files.calls).to.deep.equal(['lstatSync']);
    expect(textOf(fd)).to.equal('a');
  });

  it('opens anew what was replaced, and closes what it had', () => {
    const { dir, open, file } = given();
    const path = file('a', 'before');
    const fd = open.open(path);
    renameSync(file('b', 'after'), path);
    const next = open.open(path);
    expect(textOf(next)).to.equal('after');
    renameSync(path, join(dir, 'elsewhere'));
    expect(() => open.open(path))
      .to.throw()
      .with.property('code', 'ENOENT');
    expect([fd, next].some((each) => each !== undefined && isOpen(each))).to.equal(false);
  });

  it('follows no path to a file of its number in another directory that took the place of its own', () => {
    const { dir, open, file } = given();
    const path = file('a');
    open.open(path);
    renameSync(dir, `${dir}-moved`);
    mkdirSync(dir);
    expect(() => open.open(path))
      .to.throw()
      .with.property('code', 'ENOENT');
    rmSync(`${dir}-moved`, { recursive: true });
  });

  it('opens no link, and keeps nothing that is no file', () => {
    const { dir, open, file } = given();
    const path = file('a');
    const fd = open.open(path);
    renameSync(path, join(dir, 'elsewhere'));
    symlinkSync(join(dir, 'elsewhere'), path);
    expect(() => open.open(path))
      .to.throw()
      .with.property('code', 'ELOOP');
    expect(isOpen(fd)).to.equal(false);
    expect(() => open.open(dir))
      .to.throw()
      .with.property('code', 'EISDIR');
    expect(open.open('/dev/null')).to.equal(undefined);
  });

  it('leaves to others what may be read only, or cannot be told from another file', () => {
    for (const code of ['EACCES', 'EPERM', 'EROFS']) {
      const refused = given({
        openSync: () => {
          throw systemError(code);
        },
      });
      expect(refused.open.open(refused.file('a')), code).to.equal(undefined);
    }
    const stats = (ino: number) => Object.assign(fstatSync(0), { ino, isFile: () => true });
    const { open, file, files } = given({ fstatSync: () => stats(2 ** 60) });
    expect(open.open(file('a'))).to.equal(undefined);
    expect(files.calls.at(-1)).to.equal('closeSync');
  });

  it('closes what was not used for a second or two, and nothing else', () => {
    const { open, file } = given();
    const [used, idle] = [file('used'), file('idle')];
    const [usedFd, idleFd] = [open.open(used), open.open(idle)];
    for (const rest of [
      [true, true],
      [true, false],
    ] as const) {
      mock.timers.tick(1_000);
      expect(open.open(used)).to.equal(usedFd);
      expect([isOpen(usedFd), isOpen(idleFd)]).to.deep.equal(rest);
    }
    for (const ms of [1_000, 1_000]) mock.timers.tick(ms);
    expect(isOpen(usedFd)).to.equal(false);
  });

  it('keeps 64 of a second and 64 of the one before at most, and closes none for another', () => {
    const { files, open, file } = given();
    const paths = Array.from({ length: 200 }, (_, index) => file(`${index}`));
    const ask = () => paths.map((path) => open.open(path)).filter((fd) => fd !== undefined);
    const first = ask();
    expect(first.length).to.be.within(1, 64);
    expect(ask()).to.deep.equal(first);
    mock.timers.tick(1_000);
    const others = paths.slice(100).map((path) => open.open(path));
    expect(others.filter((fd) => fd !== undefined)).to.have.length(first.length);
    expect(ask(), 'those of before are still there').to.include.members(first);
    expect(files.calls).to.not.include('releaseSync');
    mock.timers.tick(1_000);
    expect(first.map(isOpen)).to.not.include(true);
  });

  it('closes nothing that somebody else closed and opened something else for', () => {
    const { open, file } = given();
    const [path, other] = [file('a'), file('b')];
    const fd = open.open(path) as number;
    closeSync(fd);
    const theirs = openSync(other, 'r');
    expect(theirs).to.equal(fd);
    open.forget(path);
    expect(textOf(theirs)).to.equal('b');
    closeSync(theirs);
  });

  it('closes one that it is to forget, and all of them in the end', () => {
    const { open, file } = given();
    const paths = ['a', 'b', 'c'].map((name) => file(name));
    const fds = paths.map((path) => open.open(path));
    open.forget(paths[1] as string);
    expect(fds.map(isOpen)).to.deep.equal([true, false, true]);
    mock.timers.tick(1_000);
    open.forget(paths[2] as string);
    expect(fds.map(isOpen)).to.deep.equal([true, false, false]);
    open.forget('never opened');
    open.close();
    expect(fds.map(isOpen)).to.deep.equal([false, false, false]);
    expect(readFileSync(paths[0] as string, 'utf8')).to.equal('a');
  });
});
