import { mkdirSync, rmSync } from 'node:fs';
import { join, sep } from 'node:path';
import { expect } from 'chai';
import { Desk, Revoked, reasonOf } from '../../lib/internal/desk.js';
import { nodeFiles } from '../../lib/internal/files.js';
import { failureOf, folders, systemError } from '../support/folder.js';

describe('Desk', () => {
  const folder = folders();

  it('gives a path of its own for each draft, in its folder', () => {
    const desk = new Desk('/desk');
    const paths = new Set(Array.from({ length: 100 }, () => desk.draft()));
    expect(paths.size).to.equal(100);
    for (const path of paths) expect(path.slice(0, path.lastIndexOf(sep))).to.equal('/desk');
  });

  it('wants spares as long as files can be kept', () => {
    const desk = new Desk('/desk');
    expect(desk.wantsSpares).to.equal(true);
    desk.canKeep = false;
    expect(desk.wantsSpares).to.equal(false);
  });

  it('wants no more than 32, and more once one was taken', () => {
    for (const isSole of [false, true]) {
      const desk = Object.assign(new Desk('/desk'), { isSole });
      for (let n = 1; n <= 32; n += 1) {
        expect(desk.wantsSpares).to.equal(true);
        desk.addSpare(`/desk/${n}`, 'x');
      }
      expect(desk.wantsSpares).to.equal(false);
      desk.takeSpare('y');
      expect(desk.wantsSpares).to.equal(true);
      expect(desk.takeSpares()).to.have.length(31);
    }
  });

  it('gives at once what was replaced by one who is alone', () => {
    const desk = Object.assign(new Desk('/desk', () => new Map([['another', '1']])), { isSole: true });
    desk.addSpare('/desk/1', 'x');
    expect(desk.takeSpare('y')).to.equal('/desk/1');
    desk.isSole = false;
    desk.addSpare('/desk/2', 'x');
    expect(desk.takeSpare('y')).to.equal(undefined);
    expect(desk.takeSpares('x')).to.deep.equal(['/desk/2']);
  });

  it('tells a desk that is gone from a directory that is, and from anything else', async () => {
    const dir = folder();
    const desk = new Desk(join(dir, 'desk'));
    mkdirSync(desk.path);
    const place = { target: join(dir, 'target'), desk };
    const [missing, other] = [systemError('ENOENT'), systemError('EIO')];
    expect(reasonOf(nodeFiles, other, place)).to.equal(other);
    expect(reasonOf(nodeFiles, missing, place)).to.equal(missing);
    rmSync(desk.path, { recursive: true });
    expect(reasonOf(nodeFiles, missing, place)).to.be.instanceOf(Revoked);
    expect(reasonOf(nodeFiles, other, place)).to.equal(other);
    rmSync(dir, { recursive: true });
    const failure = await failureOf(() => reasonOf(nodeFiles, missing, place));
    expect(failure).to.include({ code: 'SESSILE_BAD_PATH', cause: missing });
  });
});
