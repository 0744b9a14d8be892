import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { Listing } from '../../lib/internal/listing.js';
import { failureOf, folders, systemError } from '../support/folder.js';

describe('Listing', () => {
  const folder = folders();
  const wanted = Array.from({ length: 200 }, (_, n) => `name ${n}`).sort();

  function full(): string {
    const dir = folder();
    for (const name of wanted) writeFileSync(join(dir, name), '');
    return dir;
  }

  async function all(names: AsyncIterable<string>): Promise<string[]> {
    const seen: string[] = [];
    for await (const name of names) seen.push(name);
    return seen.sort();
  }

  /** The real calls, and how many directories were open at the same time. */
  function counting(): { files: Files; most: () => number } {
    let [open, most] = [0, 0];
    const opendir: Files['opendir'] = async (path) => {
      const dir = await nodeFiles.opendir(path);
      open += 1;
      most = Math.max(most, open);
      const walk = async function* () {
        try {
          yield* dir;
        } finally {
          open -= 1;
        }
      };
      return { [Symbol.asyncIterator]: walk } as unknown as typeof dir;
    };
    return { files: { ...nodeFiles, opendir }, most: () => most };
  }

  it('yields every name once', async () => {
    expect(await all(new Listing(nodeFiles, full()).names())).to.deep.equal(wanted);
  });

  it('lets the event loop turn on the way', async () => {
    let turned = false;
    let seen = 0;
    setImmediate(() => {
      turned = true;
    });
    const dir = folder();
    const entries = async function* () {
      for (const name of wanted) yield { name };
    };
    const files = { ...nodeFiles, opendir: (async () => entries()) as unknown as Files['opendir'] };
    for await (const _ of new Listing(files, dir).names()) {
      if (turned) continue;
      seen += 1;
      const until = performance.now() + 0.1;
      while (performance.now() < until);
    }
    expect(turned).to.equal(true);
    expect(seen).to.be.lessThan(wanted.length);
  });

  it('opens few directories for many walks', async () => {
    const { files, most } = counting();
    const listing = new Listing(files, full());
    const walks = await Promise.all(Array.from({ length: 100 }, () => all(listing.names())));
    for (const names of walks) expect(names).to.deep.equal(wanted);
    expect(most()).to.be.within(1, 5);
  });

  it('makes no walk wait for one that does not go on', async () => {
    const listing = new Listing(nodeFiles, full());
    const idle = Array.from({ length: 20 }, () => listing.names());
    for (const names of idle) expect(wanted).to.include((await names.next()).value);
    expect(await all(listing.names())).to.deep.equal(wanted);
    for (const names of idle) await names.return();
    expect(await all(listing.names())).to.deep.equal(wanted);
  });

  it('codes what the system says, at the beginning and on the way', async () => {
    const dir = full();
    const failing = (opendir: () => unknown) =>
      new Listing({ ...nodeFiles, opendir: opendir as Files['opendir'] }, dir);
    const atOnce = failing(() => Promise.reject(systemError('EMFILE', 'opendir')));
    const later = failing(async function* () {
      yield { name: 'one' };
      throw systemError('EIO', 'readdir');
    });
    expect(await failureOf(() => all(atOnce.names()))).to.have.property('code', 'SESSILE_IO');
    expect(await failureOf(() => all(later.names()))).to.have.property('code', 'SESSILE_IO');
  });

  it('says so where the directory is gone', async () => {
    const dir = full();
    const listing = new Listing(nodeFiles, dir);
    rmSync(dir, { recursive: true });
    expect(await failureOf(() => all(listing.names()))).to.have.property('code', 'SESSILE_BAD_PATH');
  });
});
