import { rmSync } from 'node:fs';
import { expect } from 'chai';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { Touching } from '../../lib/internal/touching.js';
import { Writer } from '../../lib/internal/writer.js';
import { openFiles } from '../file/faulty-files.js';
import { failureOf, systemError, watched } from '../support/folder.js';
import { lockPlace } from '../support/locks.js';

describe('Touching', () => {
  const place = lockPlace();

  function open(changes: Partial<Files> = {}) {
    const files = watched(changes);
    const writer = new Writer(files, place.dir);
    return { files, writer, touching: new Touching(writer) };
  }

  /** How many other writers are seen to touch. */
  const raised = () => place.writers.signs(place.come()).size;

  it('raises no sign where its writer is alone', () => {
    const { files, writer, touching } = open();
    touching.together(() => touching.one(() => {}));
    expect(writer.seat().desk.isSole).to.equal(true);
    expect(files.calls).to.not.include('writeSync');
  });

  it('raises it for one touch, or once for many, and lowers it whatever comes of them', async () => {
    place.come();
    const { files, touching } = open();
    expect(touching.one(() => raised())).to.equal(1);
    expect(raised()).to.equal(0);
    await failureOf(() => touching.one(() => Promise.reject(new Error('mine'))));
    expect(raised()).to.equal(0);
    files.calls.length = 0;
    const many = () => {
      expect(raised()).to.equal(0);
      for (let n = 0; n < 3; n += 1) expect(touching.one(() => raised())).to.equal(1);
      expect(raised()).to.equal(1);
      throw new Error('mine');
    };
    expect((await failureOf(() => touching.together(many))).message).to.equal('mine');
    expect(raised()).to.equal(0);
    expect(files.calls.filter((call) => call === 'writeSync')).to.have.length(2);
    expect(openFiles(place.dir)).to.equal(0);
  });

  it('comes in again where its folder was taken away, also in the middle', () => {
    place.come();
    const { writer, touching } = open();
    touching.together(() => {
      for (let round = 0; round < 3; round += 1) {
        const former = writer.seat();
        place.writers.revoke(former.owner);
        writer.lost(former);
        touching.one(() => expect(raised()).to.equal(1));
      }
      const former = writer.seat();
      touching.one(() => expect(raised()).to.equal(1));
      place.writers.revoke(former.owner);
      // Its mark stands for a sign that is raised.
      expect(raised()).to.equal(1);
    });
    touching.one(() => expect(raised()).to.equal(1));
    expect(raised()).to.equal(0);
  });

  it('touches nothing where the sign cannot be raised', async () => {
    place.come();
    const writeSync = () => {
      throw systemError('EIO', 'write');
    };
    const { touching } = open({ writeSync });
    const touched: unknown[] = [];
    const failure = await failureOf(() => touching.one(() => touched.push(1)));
    expect([failure.code, touched]).to.deep.equal(['SESSILE_IO', []]);
    rmSync(place.dir, { recursive: true });
    const gone = open({ ...nodeFiles }).touching;
    expect(await failureOf(() => gone.one(() => touched.push(1)))).to.have.property('code', 'SESSILE_BAD_PATH');
    expect(touched).to.deep.equal([]);
  });
});
