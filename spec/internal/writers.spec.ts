import {
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { expect } from 'chai';
import { type Files, nodeFiles } from '../../lib/internal/files.js';
import { abandon, newOwner, newTurn, type Owner } from '../../lib/internal/owner.js';
import { TouchSign } from '../../lib/internal/touch-sign.js';
import { Writers } from '../../lib/internal/writers.js';
import { folders, snapshot, systemError, watched } from '../support/folder.js';
import { lockPlace } from '../support/locks.js';

const HOUR = 3_600_000;

describe('Writers', () => {
  const elsewhere = folders();
  const place = lockPlace();
  const { come, dead, foreign, inside, names } = place;
  let writers: Writers;

  beforeEach(() => {
    ({ writers } = place);
  });

  const open = (changes: Partial<Files>) => new Writers(watched(changes), place.dir);
  const nameOf = (owner: Owner) => basename(writers.folderOf(owner));
  const markOf = (owner: Owner) => `${nameOf(owner)}.revoked`;
  const errorOf = (act: () => void): Error & { code?: string } => {
    try {
      act();
    } catch (error) {
      return error as Error;
    }
    throw new Error('It should have failed');
  };

  /** With a file, a finding and a word that it is alone. */
  function busy(owner: Owner): Owner {
    come(owner);
    writers.claim(owner);
    writeFileSync(join(writers.folderOf(owner), '1.tmp'), 'half of it');
    return owner;
  }

  describe('a folder', () => {
    it('is there for each writer, for its owner alone, until it leaves', () => {
      const [one, other] = [come(), come()];
      writers.open(one);
      expect(inside()).to.deep.equal([one, other].map(nameOf).sort());
      for (const path of [join(place.dir, '.writers'), writers.folderOf(one)])
        expect(statSync(path).mode & 0o777).to.equal(0o700);
      expect(writers.isIn(one)).to.equal(true);
      writers.leave(busy(one));
      expect([one, other].map((owner) => writers.isIn(owner))).to.deep.equal([false, true]);
      expect(inside()).to.deep.equal([nameOf(other)]);
      writers.leave(other);
      writers.tidy(0);
      expect(inside()).to.equal(undefined);
    });

    it('is one for all turns of a writer', () => {
      const owner = come();
      expect(writers.folderOf(newTurn(owner))).to.equal(writers.folderOf(owner));
      expect(writers.isIn(newTurn(owner))).to.equal(true);
      expect(writers.hasOthers(newTurn(owner))).to.equal(false);
      writers.revoke(newTurn(owner));
      expect(writers.isIn(owner)).to.equal(false);
    });

    it('is made although the last one leaves at that moment, and no more often than makes sense', () => {
      for (const times of [3, Number.POSITIVE_INFINITY]) {
        let left = times;
        const mkdirSync_: Files['mkdirSync'] = (path) => {
          if (!path.endsWith('.writers') && left-- > 0) rmSync(join(place.dir, '.writers'), { recursive: true });
          nodeFiles.mkdirSync(path);
        };
        const owner = newOwner();
        const act = () => open({ mkdirSync: mkdirSync_ }).open(owner);
        if (times === 3) act();
        else expect(errorOf(act)).to.have.property('code', 'ENOENT');
        expect(writers.isIn(owner)).to.equal(times === 3);
      }
    });

    it('of all that is something else is a coded error, and nothing is followed or touched', () => {
      const outside = elsewhere();
      const gone = dead();
      mkdirSync(join(outside, nameOf(gone)));
      writeFileSync(join(outside, nameOf(gone), 'theirs'), '');
      const at = join(place.dir, '.writers');
      const others = [() => symlinkSync(outside, at), () => symlinkSync('/nowhere', at), () => writeFileSync(at, '')];
      for (const make of others) {
        make();
        const before = [snapshot(outside), snapshot(place.dir)];
        expect(errorOf(() => writers.open(newOwner()))).to.have.property('code', 'SESSILE_BAD_PATH');
        writers.tidy(Date.now() + 2 * HOUR);
        expect([snapshot(outside), snapshot(place.dir)]).to.deep.equal(before);
        unlinkSync(at);
      }
    });

    it('of a writer that is a link is removed, and what it leads to stays', () => {
      const outside = elsewhere();
      writeFileSync(join(outside, 'theirs'), '');
      const [me, gone] = [come(), dead()];
      symlinkSync(outside, writers.folderOf(gone));
      expect(writers.hasOthers(me)).to.equal(false);
      expect(inside()).to.deep.equal([nameOf(me)]);
      expect(readdirSync(outside)).to.deep.equal(['theirs']);
    });

    it('in a directory that is gone is a coded error', () => {
      rmSync(place.dir, { recursive: true });
      expect(errorOf(() => writers.open(newOwner()))).to.have.property('code', 'SESSILE_BAD_PATH');
      mkdirSync(place.dir);
    });

    it('that the system refuses is an error', () => {
      for (const at of [1, 2]) {
        let calls = 0;
        const mkdirSync_: Files['mkdirSync'] = (path) => {
          calls += 1;
          if (calls === at) throw systemError('EIO', 'mkdir');
          nodeFiles.mkdirSync(path);
        };
        expect(errorOf(() => open({ mkdirSync: mkdirSync_ }).open(newOwner()))).to.have.property('code', 'EIO');
      }
    });
  });

  describe('others', () => {
    it('are none where nobody is, or only oneself, or what no writer has left', () => {
      expect(writers.hasOthers(newOwner())).to.equal(false);
      const me = come();
      for (const name of ['README', 'x', 'x.revoked', `${nameOf(me)}.old`])
        mkdirSync(join(place.dir, '.writers', name));
      writeFileSync(join(place.dir, '.writers', 'x', 'theirs'), '');
      const before = snapshot(place.dir);
      expect(writers.hasOthers(me)).to.equal(false);
      writers.tidy(Date.now() + 1_000 * HOUR);
      expect(snapshot(place.dir)).to.deep.equal(before);
    });

    it('are those who live, and those of whom that cannot be known', () => {
      const me = come();
      for (const make of [newOwner, foreign]) {
        const other = come(make());
        expect(writers.hasOthers(me)).to.equal(true);
        expect(writers.isIn(other)).to.equal(true);
        writers.leave(other);
      }
    });

    it('are seen by the second of two who come at the same time', () => {
      for (let at = 0; ; at += 1) {
        const [one, other] = [newOwner(), newOwner()];
        let calls = 0;
        let seen: boolean | undefined;
        const step = (name: 'mkdirSync' | 'namesSync' | 'lstatSync') => (path: string) => {
          if (calls++ === at) {
            come(other);
            seen = writers.hasOthers(other);
          }
          return nodeFiles[name](path) as never;
        };
        const files = open({
          mkdirSync: step('mkdirSync'),
          namesSync: step('namesSync'),
          lstatSync: step('lstatSync'),
        });
        files.open(one);
        const sees = files.hasOthers(one);
        if (seen === undefined) {
          expect(at).to.be.greaterThan(2);
          return;
        }
        expect(sees || seen, `before call ${at}`).to.equal(true);
        for (const owner of [one, other]) writers.leave(owner);
      }
    });

    it('that write without locks are revoked, and count', () => {
      const sole = busy(newOwner());
      const me = come();
      expect(writers.hasOthers(me)).to.equal(true);
      expect(writers.isIn(sole)).to.equal(false);
      expect(inside()).to.deep.equal([markOf(sole), nameOf(me)].sort());
    });

    it('that are dead are removed, whether they were revoked or not, and do not count', () => {
      const [me, one, other] = [come(), busy(dead()), dead()];
      mkdirSync(`${writers.folderOf(other)}.revoked`);
      expect(writers.hasOthers(me)).to.equal(false);
      expect(inside()).to.deep.equal([nameOf(me)]);
      expect(writers.isIn(one)).to.equal(false);
    });

    it('that were revoked and live count until they take their mark away', () => {
      for (const make of [newOwner, foreign]) {
        const [me, other] = [come(), come(make())];
        writers.revoke(other);
        expect(writers.hasOthers(me)).to.equal(true);
        expect(inside()).to.deep.equal([nameOf(me), markOf(other)].sort());
        writers.leave(other);
        expect(writers.hasOthers(me)).to.equal(false);
        writers.leave(me);
      }
    });
  });

  describe('signs', () => {
    /** With its sign. */
    function touching(owner: Owner): Owner {
      new TouchSign(nodeFiles, writers.folderOf(come(owner))).raise();
      return owner;
    }

    it('are those of the others that are raised, and nothing of who did not touch yet or is done', () => {
      const [me, one] = [touching(newOwner()), touching(foreign())];
      come();
      new TouchSign(nodeFiles, writers.folderOf(come())).make();
      expect([...writers.signs(me)]).to.deep.equal([[nameOf(one), '1']]);
      new TouchSign(nodeFiles, writers.folderOf(me)).lower();
      expect([...writers.signs(one)].map(([name]) => name)).to.deep.equal([nameOf(me)]);
    });

    it('of the dead are lowered, and those of the revoked that may live stay raised until their mark goes', () => {
      const [me, gone, revoked] = [come(), touching(dead()), touching(newOwner())];
      writers.revoke(revoked);
      mkdirSync(`${writers.folderOf(dead())}.revoked`);
      expect(writers.isIn(gone)).to.equal(true);
      expect([...writers.signs(me)]).to.deep.equal([[nameOf(revoked), '?']]);
      writers.leave(revoked);
      expect([...writers.signs(me)]).to.deep.equal([]);
    });

    it('of one that is being revoked are raised, whichever of its names is seen first', () => {
      const [me, one] = [come(), come()];
      mkdirSync(`${writers.folderOf(one)}.revoked`);
      for (const reverse of [false, true]) {
        const namesSync = (path: string) => (reverse ? readdirSync(path).sort().reverse() : readdirSync(path).sort());
        expect([...open({ namesSync }).signs(me)]).to.deep.equal([[nameOf(one), '?']]);
      }
    });

    it('of one whose folder goes while they are looked at are raised', () => {
      const [me, one] = [come(), touching(newOwner())];
      const findSync: Files['findSync'] = (...args) => {
        writers.revoke(one);
        return nodeFiles.findSync(...args);
      };
      expect([...open({ findSync }).signs(me)]).to.deep.equal([[nameOf(one), '?']]);
    });

    it('that the system does not tell are an error', () => {
      const me = come();
      touching(newOwner());
      const findSync = () => {
        throw systemError('EMFILE');
      };
      expect(errorOf(() => open({ findSync }).signs(me))).to.have.property('code', 'EMFILE');
    });
  });

  describe('the word that one is alone', () => {
    it('is in one’s folder, and is taken back', () => {
      const me = come();
      expect(writers.claim(me)).to.equal(true);
      expect(readdirSync(writers.folderOf(me))).to.deep.equal(['sole']);
      writers.unclaim(me);
      writers.unclaim(me);
      expect(readdirSync(writers.folderOf(me))).to.deep.equal([]);
    });

    it('cannot be said without a folder, or where the system refuses it', () => {
      const me = come();
      writers.revoke(me);
      expect(writers.claim(me)).to.equal(false);
      const lockSync = () => {
        throw systemError('ENOSPC', 'symlink');
      };
      expect(open({ lockSync }).claim(come())).to.equal(false);
    });
  });

  describe('revoke', () => {
    it('takes the folder with all that is in it, and leaves a mark of those who may live', () => {
      const [near, far, gone] = [busy(newOwner()), busy(foreign()), busy(dead())];
      for (const owner of [near, far, gone]) writers.revoke(owner);
      expect(inside()).to.deep.equal([near, far].map(markOf).sort());
      for (const owner of [near, far]) expect(readdirSync(`${writers.folderOf(owner)}.revoked`)).to.deep.equal([]);
      expect(names()).to.deep.equal([]);
    });

    it('does nothing for one who has no folder', () => {
      writers.revoke(newOwner());
      expect(inside()).to.equal(undefined);
      come();
      const before = inside();
      writers.revoke(newOwner());
      expect(inside()).to.deep.equal(before);
    });

    for (const way of ['from', 'to'] as const) {
      it(`ends a rename that is under way ${way} the folder, however far it has come`, function () {
        if (process.platform !== 'linux') {
          console.log('      skipped: needs /proc to use a directory that was looked up before');
          this.skip();
        }
        const owner = busy(newOwner());
        const folder = writers.folderOf(owner);
        const target = join(place.dir, 'target');
        if (way === 'to') writeFileSync(target, 'former');
        const fd = openSync(folder, 'r');
        try {
          writers.revoke(owner);
          for (const path of [folder, `/proc/self/fd/${fd}`, `${folder}.revoked/remains`]) {
            const draft = join(path, '1.tmp');
            const act = () => (way === 'from' ? renameSync(draft, target) : renameSync(target, draft));
            expect(errorOf(act), path).to.have.property('code', 'ENOENT');
          }
        } finally {
          closeSync(fd);
        }
        expect(names()).to.deep.equal(way === 'from' ? [] : ['target']);
      });
    }

    it('takes the name of the folder away first, or its owner would write into it again', () => {
      const owner = busy(newOwner());
      const wasIn: boolean[] = [];
      const unlinkSync_: Files['unlinkSync'] = (path) => {
        wasIn.push(writers.isIn(owner));
        nodeFiles.unlinkSync(path);
      };
      open({ unlinkSync: unlinkSync_ }).revoke(owner);
      expect(wasIn).to.deep.equal([false, false]);
    });

    it('empties the folder again that was written into meanwhile, and no more often than makes sense', () => {
      for (const times of [3, Number.POSITIVE_INFINITY]) {
        const owner = busy(newOwner());
        let left = times;
        const rmdirSync: Files['rmdirSync'] = (path) => {
          if (left-- > 0) writeFileSync(join(path, `${left}`), '');
          nodeFiles.rmdirSync(path);
        };
        const act = () => open({ rmdirSync }).revoke(owner);
        if (times === 3) act();
        else expect(errorOf(act)).to.have.property('code', 'ENOTEMPTY');
        expect(existsSync(`${writers.folderOf(owner)}.revoked/remains`)).to.equal(times !== 3);
      }
    });

    for (const kind of ['living', 'dead'] as const) {
      it(`of a ${kind} writer that a revoker left half done is completed by the next one`, () => {
        const steps: (keyof Files)[] = ['mkdirSync', 'renameSync', 'namesSync', 'unlinkSync', 'rmdirSync'];
        for (let at = 0; ; at += 1) {
          const owner = busy(kind === 'dead' ? dead() : newOwner());
          let calls = 0;
          const dying = steps.map((name) => [
            name,
            (...args: never[]) => {
              if (calls++ >= at) throw new Error('dead');
              return (nodeFiles[name] as (...args: never[]) => unknown)(...args);
            },
          ]);
          try {
            open(Object.fromEntries(dying) as Partial<Files>).revoke(owner);
            expect(at).to.be.greaterThan(4);
            return;
          } catch (error) {
            expect(error).to.have.property('message', 'dead');
          }
          const me = come();
          expect(writers.hasOthers(me), `died at ${at}`).to.equal(kind === 'living');
          expect(inside(), `died at ${at}`).to.deep.equal(
            [nameOf(me), ...(kind === 'living' ? [markOf(owner)] : [])].sort(),
          );
          if (kind === 'living') expect(readdirSync(`${writers.folderOf(owner)}.revoked`)).to.deep.equal([]);
          for (const left of [me, owner]) writers.leave(left);
        }
      });
    }

    it('keeps what was found under a session’s name, and directories, next to the sessions', () => {
      const [owner, gone] = [busy(newOwner()), busy(newOwner())];
      for (const one of [owner, gone]) {
        mkdirSync(join(writers.folderOf(one), '2.tmp'));
        writeFileSync(join(writers.folderOf(one), '2.tmp', 'theirs'), 'precious');
        writeFileSync(join(writers.folderOf(one), '3.corrupt'), 'precious');
      }
      writers.revoke(owner);
      writers.leave(gone);
      expect(names()).to.have.length(4);
      for (const name of names()) {
        expect(name).to.match(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}\.corrupt$/);
        const path = join(place.dir, name);
        const inside = statSync(path).isDirectory() ? join(path, 'theirs') : path;
        expect(readFileSync(inside, 'utf8')).to.equal('precious');
      }
    });

    it('removes links in the folder, and not what they lead to', () => {
      const owner = come();
      const outside = elsewhere();
      writeFileSync(join(outside, 'theirs'), '');
      symlinkSync(outside, join(writers.folderOf(owner), '1.tmp'));
      symlinkSync(join(outside, 'theirs'), join(writers.folderOf(owner), '2.tmp'));
      writers.revoke(owner);
      expect(readdirSync(`${writers.folderOf(owner)}.revoked`)).to.deep.equal([]);
      expect(readdirSync(outside)).to.deep.equal(['theirs']);
    });

    it('takes no link for a mark', () => {
      const owner = busy(newOwner());
      const outside = elsewhere();
      symlinkSync(outside, `${writers.folderOf(owner)}.revoked`);
      expect(errorOf(() => writers.revoke(owner))).to.have.property('code', 'SESSILE_BAD_PATH');
      expect(readdirSync(outside)).to.deep.equal([]);
      expect(writers.isIn(owner)).to.equal(true);
    });
  });

  it('leaves the mark of one that lives, though a lock of it was given up', () => {
    const owner = newTurn(come());
    abandon(owner);
    writers.revoke(owner);
    expect(inside()).to.deep.equal([markOf(owner)]);
  });

  it('removes the dead where there is no room for a mark', () => {
    const owner = busy(dead());
    const mkdirSync_ = () => {
      throw systemError('ENOSPC');
    };
    open({ mkdirSync: mkdirSync_ }).revoke(owner);
    expect(inside()).to.deep.equal([]);
  });

  it('makes no mark anew that its owner takes away at that moment', () => {
    const [me, one] = [come(), come()];
    writers.revoke(one);
    const namesSync = (path: string) => {
      const names = nodeFiles.namesSync(path);
      writers.leave(one);
      return names;
    };
    open({ namesSync }).hasOthers(me);
    expect(inside()).to.deep.equal([nameOf(me)]);
  });

  describe('leave', () => {
    it('removes what a revoker left half done, and the mark', () => {
      const owner = busy(newOwner());
      const namesSync = () => {
        throw new Error('dead');
      };
      expect(errorOf(() => open({ namesSync }).revoke(owner))).to.have.property('message', 'dead');
      writers.leave(owner);
      expect(inside()).to.deep.equal([]);
      writers.leave(owner);
    });

    it('leaves the mark to a revoker that is about to use it', () => {
      const owner = come();
      mkdirSync(`${writers.folderOf(owner)}.revoked`);
      const rmdirSync: Files['rmdirSync'] = (path) => {
        if (path.endsWith('.revoked')) writeFileSync(join(path, 'remains'), '');
        nodeFiles.rmdirSync(path);
      };
      open({ rmdirSync }).leave(owner);
      expect(inside()).to.deep.equal([markOf(owner)]);
    });
  });

  describe('tidy', () => {
    it('removes what the dead left, and the folder of all once it is empty', () => {
      busy(dead());
      mkdirSync(`${writers.folderOf(dead())}.revoked`);
      writers.tidy(0);
      expect(inside()).to.equal(undefined);
      writers.tidy(0);
    });

    it('gives up those of another place that did not write for an hour, and never those of this one', () => {
      const [near, far, former] = [busy(newOwner()), busy(foreign()), busy(foreign())];
      writers.revoke(former);
      const all = inside();
      writers.tidy(Date.now() + 0.9 * HOUR);
      expect(inside()).to.deep.equal(all);
      // Who is given up may still be in the middle of a touch, and a mark that was left an hour ago says nothing any more.
      writers.tidy(Date.now() + 1.1 * HOUR);
      expect(inside()).to.deep.equal([nameOf(near), markOf(far)].sort());
      writers.tidy(Date.now() + 1.1 * HOUR);
      expect(inside()).to.deep.equal([nameOf(near)]);
      expect(lstatSync(writers.folderOf(near)).isDirectory()).to.equal(true);
      expect(existsSync(writers.folderOf(far))).to.equal(false);
    });

    it('takes no old mark of a writer that is in for the end of it', () => {
      const far = come(foreign());
      mkdirSync(`${writers.folderOf(far)}.revoked`);
      const past = new Date(Date.now() - 2 * HOUR);
      utimesSync(`${writers.folderOf(far)}.revoked`, past, past);
      writers.tidy(Date.now());
      expect(inside()).to.deep.equal([nameOf(far), markOf(far)]);
    });

    it('takes a touch for a use', () => {
      const far = come(foreign());
      const sign = new TouchSign(nodeFiles, writers.folderOf(far));
      sign.raise();
      sign.lower();
      const past = new Date(Date.now() - 2 * HOUR);
      utimesSync(writers.folderOf(far), past, past);
      writers.tidy(Date.now());
      expect(inside()).to.deep.equal([nameOf(far)]);
      utimesSync(join(writers.folderOf(far), 'touching'), past, past);
      writers.tidy(Date.now());
      expect(inside()).to.deep.equal([markOf(far)]);
    });

    it('has no error where another one tidies at the same time, who is faster', () => {
      const gone = busy(dead());
      const mkdirSync_: Files['mkdirSync'] = (path) => {
        writers.tidy(0);
        nodeFiles.mkdirSync(path);
      };
      open({ mkdirSync: mkdirSync_ }).tidy(0);
      expect(writers.isIn(gone)).to.equal(false);
      expect(inside()).to.equal(undefined);
    });
  });
});
