import { sep } from 'node:path';
import { expect } from 'chai';
import { Desk } from '../../lib/internal/desk.js';

describe('Desk', () => {
  function sole(): Desk {
    return Object.assign(new Desk('/desk'), { isSole: true });
  }

  it('gives a path of its own for each draft, in its folder, and one for all locks that are released', () => {
    const desk = new Desk('/desk');
    const drafts = Array.from({ length: 100 }, () => desk.draft());
    const paths = new Set([...drafts, desk.released]);
    expect(paths.size).to.equal(101);
    for (const path of paths) expect(path.slice(0, path.lastIndexOf(sep))).to.equal('/desk');
    expect(desk.released).to.equal(desk.released);
  });

  it('wants spares only as long as its writer is alone, and files can be kept', () => {
    expect(new Desk('/desk').wantsSpares).to.equal(false);
    const desk = sole();
    expect(desk.wantsSpares).to.equal(true);
    desk.canKeep = false;
    expect(desk.wantsSpares).to.equal(false);
  });

  it('wants no more than 32, and more once one was taken', () => {
    const desk = sole();
    for (let n = 1; n <= 32; n += 1) {
      expect(desk.wantsSpares).to.equal(true);
      desk.addSpare(`/desk/${n}`, 'x');
    }
    expect(desk.wantsSpares).to.equal(false);
    desk.takeSpare('y');
    expect(desk.wantsSpares).to.equal(true);
  });

  it('gives each spare once, and none for what it was', () => {
    const desk = sole();
    desk.addSpare('/desk/1', 'x');
    desk.addSpare('/desk/2', 'x');
    desk.addSpare('/desk/3', 'y');
    expect(desk.takeSpare('x')).to.equal('/desk/3');
    expect(desk.takeSpare('x')).to.equal(undefined);
    expect([desk.takeSpare('y'), desk.takeSpare('y'), desk.takeSpare('y')].sort()).to.deep.equal([
      '/desk/1',
      '/desk/2',
      undefined,
    ]);
  });

  it('forgets those that hold what a target was, and no others', () => {
    const desk = sole();
    for (const [path, of] of ['x', 'y', 'x', 'x', 'z'].entries()) desk.addSpare(String(path), of);
    expect(desk.takeSparesOf('x').sort()).to.deep.equal(['0', '2', '3']);
    expect(desk.takeSparesOf('x')).to.deep.equal([]);
    expect([desk.takeSpare('x'), desk.takeSpare('x'), desk.takeSpare('x')].sort()).to.deep.equal(['1', '4', undefined]);
  });
});
