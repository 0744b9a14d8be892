import { lstatSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { isRaised, readTouchSign, TouchSign } from '../../lib/internal/touch-sign.js';
import { openFiles } from '../file/faulty-files.js';
import { failureOf, folders, systemError, watched } from '../support/folder.js';

describe('TouchSign', () => {
  const folder = folders();
  const seen = (dir: string) => readTouchSign(nodeFiles, dir);

  it('is raised and lowered, and shows each time that it was', () => {
    const dir = folder();
    const sign = new TouchSign(nodeFiles, dir);
    expect([seen(dir), isRaised(seen(dir))]).to.deep.equal(['', false]);
    sign.make();
    expect([seen(dir), isRaised(seen(dir))]).to.deep.equal(['0', false]);
    const shown: string[] = [];
    for (let round = 0; round < 12; round += 1) {
      sign.raise();
      expect(isRaised(seen(dir))).to.equal(true);
      shown.push(seen(dir));
      sign.lower();
      expect(isRaised(seen(dir))).to.equal(false);
    }
    expect(shown.join('')).to.equal('135791357913');
    expect(readFileSync(join(dir, 'touching'), 'utf8')).to.have.length(1);
  });

  it('is raised before it is made, too, and lowered once', () => {
    const dir = folder();
    const files = watched();
    const sign = new TouchSign(files, dir);
    sign.lower();
    sign.raise();
    sign.lower();
    sign.lower();
    expect(seen(dir)).to.equal('2');
    expect(openFiles(dir)).to.equal(0);
    expect(files.calls.filter((call) => call === 'writeSync')).to.have.length(3);
  });

  it('has its place on the disk once it is made, or is made again', async () => {
    const dir = folder();
    let refuse = true;
    const writeSync: Files['writeSync'] = (...args) => (refuse ? failing() : nodeFiles.writeSync(...args));
    const sign = new TouchSign(watched({ writeSync }), dir);
    for (let round = 0; round < 2; round += 1) await failureOf(() => sign.make());
    refuse = false;
    sign.make();
    expect(lstatSync(join(dir, 'touching')).size).to.equal(1);
    sign.raise();
    expect(seen(dir)).to.equal('1');
    sign.lower();
    expect(openFiles(dir)).to.equal(0);
  });

  it('is taken for raised where it says what no version of this writes', () => {
    const dir = folder();
    for (const [text, raised] of Object.entries({ '?': true, x: true, '-': true, '0': false, '8': false })) {
      writeFileSync(join(dir, 'touching'), text);
      expect(isRaised(seen(dir)), text).to.equal(raised);
    }
  });

  it('is not raised where the folder is gone, or the system refuses', async () => {
    const dir = join(folder(), 'gone');
    mkdirSync(dir);
    const sign = new TouchSign(nodeFiles, dir);
    sign.make();
    rmSync(dir, { recursive: true });
    expect(await failureOf(() => sign.raise())).to.have.property('code', 'ENOENT');
    expect(await failureOf(() => new TouchSign(nodeFiles, dir).raise())).to.have.property('code', 'ENOENT');
    for (const writeSync of [() => 0, failing] as Files['writeSync'][]) {
      const place = folder();
      const refused = new TouchSign(watched({ writeSync }), place);
      await failureOf(() => refused.raise());
      expect(openFiles(place)).to.equal(0);
    }
  });

  it('is right again after writes that failed', async () => {
    const dir = folder();
    let refuse = false;
    const writeSync: Files['writeSync'] = (...args) => (refuse ? failing() : nodeFiles.writeSync(...args));
    const sign = new TouchSign(watched({ writeSync }), dir);
    for (const fails of [true, false, true, false]) {
      sign.raise();
      expect(isRaised(seen(dir))).to.equal(true);
      refuse = fails;
      sign.lower();
      expect(isRaised(seen(dir))).to.equal(fails);
      if (fails) await failureOf(() => sign.raise());
      expect(isRaised(seen(dir))).to.equal(fails);
      refuse = false;
    }
  });
});

function failing(): never {
  throw systemError('EIO', 'write');
}
