import { linkSync, lstatSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { nodeFiles } from '../../lib/internal/files.js';
import { ShortWrite } from '../../lib/internal/io-error.js';
import { LockTokens } from '../../lib/internal/lock-tokens.js';
import { failureOf, folders, watched } from '../support/folder.js';

describe('LockTokens', () => {
  const folder = folders();

  it('gives each token to one at a time, and makes no more than are needed at once', () => {
    const tokens = new LockTokens(nodeFiles, '/nowhere');
    const [one, other] = [tokens.take(), tokens.take()];
    expect(one).to.not.equal(other);
    tokens.giveBack(one);
    expect(tokens.take()).to.equal(one);
    expect([one, other].map(({ released }) => released)).to.deep.equal([
      join('/nowhere', 'lock-1-released'),
      join('/nowhere', 'lock-2-released'),
    ]);
  });

  it('says what it is told, in a file for its owner alone, and makes that file once', () => {
    const dir = folder();
    const files = watched();
    const token = new LockTokens(files, dir).take();
    const path = token.say('one');
    expect(readFileSync(path, 'utf8')).to.equal('one');
    expect(lstatSync(path).mode & 0o777).to.equal(0o600);
    const { ino } = lstatSync(path);
    expect(token.say('three')).to.equal(path);
    expect([readFileSync(path, 'utf8'), lstatSync(path).ino]).to.deep.equal(['three', ino]);
    expect(files.calls.filter((call) => call === 'closeSync')).to.have.length(2);
  });

  it('is another file each time, so that moving one over the one before is no mere change of names', () => {
    const dir = folder();
    const token = new LockTokens(nodeFiles, dir).take();
    const lock = join(dir, 'x.lock');
    for (let round = 0; round < 6; round += 1) {
      linkSync(token.say(`round ${round}`), lock);
      renameSync(lock, token.released);
      expect(lstatSync(lock, { throwIfNoEntry: false })).to.equal(undefined);
      token.turnOver();
    }
  });

  it('passes on what the system refuses, and calls a short write a failure', async () => {
    const gone = new LockTokens(nodeFiles, join(folder(), 'gone')).take();
    expect(await failureOf(() => gone.say('one'))).to.have.property('code', 'ENOENT');
    const files = watched({ writeSync: () => 1 });
    const short = new LockTokens(files, folder()).take();
    expect(await failureOf(() => short.say('one'))).to.be.instanceOf(ShortWrite);
    expect(files.calls).to.deep.equal(['openSync', 'writeSync', 'closeSync']);
  });
});
